// Writes the tables of docs/reference.md from the catalogues in the sources: `npm run reference`.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ERRORS } from '../src/errors.ts';
import { FINDINGS } from '../src/plan/finding.ts';

const file = fileURLToPath(new URL('../docs/reference.md', import.meta.url));

/** The text of docs/reference.md with its tables made anew. */
export async function reference() {
  const text = await readFile(file, 'utf8');
  const errors = Object.entries(ERRORS).map(([code, { exit, docs }]) => `| \`${code}\` | ${exit} | ${docs} |`);
  const findings = Object.entries(FINDINGS).map(
    ([code, { severity, docs }]) => `| \`${code}\` | ${severity} | ${docs} |`,
  );
  return fill(fill(text, 'errors', errors), 'findings', findings);
}

function fill(text, name, rows) {
  const pattern = new RegExp(`(<!-- ${name} -->\n\\|.*\n\\|.*\n)[\\s\\S]*?(<!-- end -->)`);
  return text.replace(pattern, (_, head, end) => `${head}${rows.join('\n')}\n${end}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(file, await reference());
