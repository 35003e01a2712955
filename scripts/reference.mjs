// Writes the tables of docs/reference.md from the catalogues in the sources: `npm run reference`.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { IMPORT_FINDINGS } from '../src/certificate/import/finding.ts';
import { REPAIRS } from '../src/certificate/import/repair.ts';
import { ERRORS } from '../src/errors.ts';
import { VERSIONED } from '../src/inventory/index.ts';
import { FINDINGS } from '../src/reconcile/plan/findings/finding.ts';

const file = fileURLToPath(new URL('../docs/reference.md', import.meta.url));

/** The text of docs/reference.md with its tables made anew. */
export async function reference() {
  const text = await readFile(file, 'utf8');
  const errors = Object.entries(ERRORS).map(([code, { exit, docs }]) => `| \`${code}\` | ${exit} | ${docs} |`);
  const findings = Object.entries(FINDINGS).map(
    ([code, { severity, docs }]) => `| \`${code}\` | ${severity} | ${docs} |`,
  );
  const imports = Object.entries(IMPORT_FINDINGS).map(
    ([code, { severity, allowable, docs }]) => `| \`${code}\` | ${severity} | ${allowable ? 'yes' : ''} | ${docs} |`,
  );
  const repairs = Object.entries(REPAIRS).map(([code, docs]) => `| \`${code}\` | ${docs} |`);
  const ledger = VERSIONED.map(({ id, forms }) => {
    const entries = forms.map((form) => form.map((name) => `\`${name}\``).join(', '));
    return `| \`${id}\` | ${entries.join('; or ')} |`;
  });
  return Object.entries({ errors, findings, 'import-findings': imports, repairs, ledger }).reduce(
    (filled, [name, rows]) => fill(filled, name, rows),
    text,
  );
}

function fill(text, name, rows) {
  const pattern = new RegExp(`(<!-- ${name} -->\n\\|.*\n\\|.*\n)[^]*?(<!-- end -->)`);
  if (!pattern.test(text)) throw new Error(`docs/reference.md has no table ${name}`);
  return text.replace(pattern, (_, head, end) => `${head}${rows.join('\n')}\n${end}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(file, await reference());
