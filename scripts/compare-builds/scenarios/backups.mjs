// Backups, and what comes back from them.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { onKeys, WORD } from './lines.mjs';

const back = (file, flags = '') => `restore ${file} --identity given/identity.txt --dir back${flags}`;
const again = 'restore keys.age --identity given/identity.txt';

export const BACKUPS = [
  {
    name: 'backup',
    state: 'installed',
    steps: [
      ...onKeys(
        'backup --out keys.age --recipient {recipient} --dry-run -o json',
        'backup --out keys.age --recipient {recipient}',
        'backup --out keys.age --recipient {recipient}',
        'backup --out more.age -R given/recipients.txt -o json',
        'backup --out sealed.age --passphrase-file given/passphrase.txt -v',
        'status -o json',
      ),
      ...['+25h', ...onKeys('rotate jwt-signing-key --yes', 'status')],
      ...['+100d', 'status --dir keys'],
    ],
  },
  {
    name: 'restore',
    state: 'backedUp',
    steps: [
      ...[back('keys.age', ' --verify'), back('keys.age', ' --verify -o json'), back('keys.age', ' --dry-run')],
      ...[
        back('keys.age', ` --expect SHA256:${'0'.repeat(64)}`),
        back('keys.age', ' --expect SHA256:{sha256:keys.age}'),
      ],
      ...[back('keys.age'), 'status --dir back', 'init --dir back'],
      'restore - --identity given/identity.txt --dir more -o json < keys.age',
      ...onKeys(again, 'restore given/backup.age --identity given/identity.txt --yes'),
    ],
  },
  {
    name: 'restore-rejected',
    state: 'backedUp',
    steps: [
      ({ cwd }) => {
        const bytes = readFileSync(path.join(cwd, 'keys.age'));
        const flipped = bytes.map((byte, i) => (i === bytes.length - 99 ? byte ^ 1 : byte));
        writeFileSync(path.join(cwd, 'cut.age'), bytes.subarray(0, bytes.length / 2));
        writeFileSync(path.join(cwd, 'flipped.age'), flipped);
      },
      ...[back('cut.age'), back('flipped.age', ' -o json'), back('given/small.yaml')],
      'restore keys.age --passphrase-file given/passphrase.txt --dir back',
    ],
  },
  {
    name: 'restore-into-what-is-left',
    state: 'rotating',
    steps: [
      ...onKeys('backup --out keys.age --recipient {recipient}', `rotate internal-ca --yes ${WORD}`),
      ({ keys }) => rmSync(path.join(keys, 'palette-keys-system'), { recursive: true }),
      ...onKeys(again, `${again} --yes`, 'status'),
      ({ keys }) => rmSync(keys, { recursive: true }),
      ...onKeys(`${again} -v`, 'rotate internal-ca --yes'),
    ],
  },
];
