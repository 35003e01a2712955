import type { ImportFinding } from './finding.ts';
import { importFinding } from './finding.ts';
import { type Draft, type Gathered, guarded, note } from './reading/draft.ts';
import { readFile } from './reading/file.ts';
import { FOREIGN } from './reading/foreign.ts';
import { type Passphrases, passphrasesOf, renewRounds, wipePassphrases } from './reading/passphrase.ts';
import { REPAIRS, type Repair } from './repair.ts';
import type { InputFile, Reading } from './types.ts';

const MAX_BYTES = 1_000_000;

/** Everything that the files hold, in any form. All faults are findings; a passphrase that is not needed is ignored. */
export async function readFiles(files: readonly InputFile[], passphrase: string | undefined): Promise<Reading> {
  const gathered: Gathered = { certificates: [], keys: [], findings: [], locked: [] };
  const repairs: Repair[] = [];
  const passphrases = passphrasesOf(passphrase);
  let size = 0;
  try {
    for (const file of files) {
      size += file.bytes.length;
      if (size > MAX_BYTES) gathered.findings.push(tooLarge(file));
      else repairs.push(...(await readOne(file, gathered, passphrases)));
    }
  } finally {
    wipePassphrases(passphrases);
  }
  return { ...gathered, repairs };
}

function tooLarge({ name }: InputFile): ImportFinding {
  const remedy = 'Give the files of this certificate alone: with chain and key they have some 10 KB.';
  return importFinding('INPUT_TOO_LARGE', name, 'With this file the input is larger than 1 MB.', remedy);
}

async function readOne(
  { name, bytes }: InputFile,
  gathered: Gathered,
  passphrases: Passphrases,
): Promise<readonly Repair[]> {
  const before = countOf(gathered);
  const faults = gathered.findings.length;
  const draft: Draft = {
    name,
    gathered,
    passphrases,
    repairs: new Set(),
    foreign: new Set(),
    met: { certificates: 0, keys: 0 },
  };
  renewRounds(passphrases);
  await guarded(draft, name, async () => {
    await readFile(draft, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  });
  if (countOf(gathered) === before) noteForeign(draft, gathered.findings.length === faults);
  else if ([...draft.foreign].some((kind) => kind !== 'parameters')) draft.repairs.add('OTHER_BLOCKS');
  return [...draft.repairs].map((code) => ({ code, message: `${name}: ${REPAIRS[code]}` }));
}

const countOf = ({ certificates, keys, locked }: Gathered): number => certificates.length + keys.length + locked.length;

/** A file that gave nothing: what it is instead. */
function noteForeign(draft: Draft, unexplained: boolean): void {
  const kinds = draft.foreign.size === 0 && unexplained ? (['unknown'] as const) : [...draft.foreign];
  for (const kind of kinds) {
    const [what, remedy] = FOREIGN[kind];
    note(draft, 'NOT_A_CERTIFICATE', `It is ${what}.`, remedy);
  }
}
