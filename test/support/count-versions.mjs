// Says what versions a folder holds, without any of our code: `node count-versions.mjs FOLDER`. Prints one line of JSON:
// for each kind the numbers in the ledger and those in the record, whether the record is ready, and leftovers.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

const [folder = ''] = process.argv.slice(2);
const LEDGER = 'palette-keys-system';

const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
const record = JSON.parse(
  read(path.join(folder, LEDGER, 'configmaps/palette-keys-installation.yaml')).data['record.json'],
);
const inLedger = {};
for (const name of readdirSync(path.join(folder, LEDGER, 'secrets')).sort()) {
  const [, kind, n] = /^palette-key-(.+)-v(\d+)[.]yaml$/.exec(name) ?? [];
  if (kind !== undefined) inLedger[kind] = [...(inLedger[kind] ?? []), Number(n)].sort((a, b) => a - b);
}
const recorded = Object.fromEntries(
  Object.entries(record.keys)
    .filter(([, { versions }]) => versions.length > 0)
    .map(([kind, { versions }]) => [kind, versions.map(({ n, state }) => `${n} ${state}`)])
    .sort(),
);
const numbers = Object.fromEntries(
  Object.entries(recorded).map(([kind, versions]) => [kind, versions.map((version) => Number.parseInt(version, 10))]),
);
const leftovers = files
  .map(({ name }) => name)
  .filter((name) => name.startsWith('.') && !['.gitignore', '.lock'].includes(name));
const unrecorded = Object.entries(inLedger).filter(([kind, all]) =>
  all.some((n) => !(numbers[kind] ?? []).includes(n)),
);
process.stdout.write(`${JSON.stringify({ recorded, unrecorded, ready: record.ready, leftovers })}\n`);

function read(file) {
  return parse(readFileSync(file, 'utf8'));
}
