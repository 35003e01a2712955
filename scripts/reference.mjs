// Writes the tables of docs/reference.md and docs/architecture.md from the catalogues in the sources: `npm run reference`.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { IMPORT_FINDINGS } from '../src/certificate/import/finding.ts';
import { REPAIRS } from '../src/certificate/import/repair.ts';
import { ERRORS } from '../src/errors.ts';
import { VERSIONED } from '../src/inventory/index.ts';
import { FINDINGS } from '../src/reconcile/plan/findings/finding.ts';
import { ROTATIONS } from '../src/rotation/kinds.ts';
import { TRANSITIONS } from '../src/rotation/transitions.ts';

const pathOf = (name) => fileURLToPath(new URL(`../docs/${name}`, import.meta.url));
const file = pathOf('reference.md');
const architectureFile = pathOf('architecture.md');

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

/** The text of docs/architecture.md with its tables made anew. */
export async function architecture() {
  const transitions = Object.entries(TRANSITIONS).map(([step, { from, to, activeBecomes = '' }]) => {
    return `| ${step} | ${from.join(', ') || 'a new key'} | ${to} | ${activeBecomes} |`;
  });
  const gates = Object.entries(ROTATIONS).flatMap(([kind, rotation]) => {
    if (rotation.type !== 'versions') return [];
    const { publish = 'at once', promote, retire } = rotation.gate.conditions;
    return [`| \`${kind}\` | ${publish} | ${promote} | ${retire} |`];
  });
  return fill(fill(await readFile(architectureFile, 'utf8'), 'transitions', transitions), 'gates', gates);
}

function fill(text, name, rows) {
  const pattern = new RegExp(`(<!-- ${name} -->\n\\|.*\n\\|.*\n)[^]*?(<!-- end -->)`);
  if (!pattern.test(text)) throw new Error(`the docs have no table ${name}`);
  return text.replace(pattern, (_, head, end) => `${head}${rows.join('\n')}\n${end}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(file, await reference());
  await writeFile(architectureFile, await architecture());
}
