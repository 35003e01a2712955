// `init` and `status` where all is well: first runs, second runs, changed specs, and as time goes by.
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { onKeys, WORD } from './lines.mjs';

const first = 'init --dir keys --config given/small.yaml';
const change = 'init --config given/changed.yaml';

export const INIT = [
  { name: 'init-first', steps: [first, ...onKeys('status', 'init', 'init -v')] },
  { name: 'init-verbose', steps: [`${first} -v`, `${first} -q`] },
  { name: 'init-json', steps: [`${first} -o json`, `${first} -o json`] },
  { name: 'init-yaml', steps: [`${first} -o yaml`, 'status --dir keys -o yaml'] },
  {
    name: 'init-dry-run',
    steps: [...['', ' -v', ' -o json'].map((flag) => `${first} --dry-run${flag}`), `${first} -q`, `${first} --dry-run`],
  },
  { name: 'init-default-spec', steps: onKeys('init', 'status') },
  {
    name: 'init-namespace',
    steps: [`${first} -n other-system`, ...onKeys('init -n hubble-system', 'status -n elsewhere')],
  },
  {
    name: 'init-print',
    steps: ['init --print-config', 'init --print-rbac', 'init --print-rbac --config given/small.yaml'],
  },
  {
    name: 'init-local-spec',
    steps: [
      ({ cwd }) => copyFileSync(path.join(cwd, 'given/plain.yaml'), path.join(cwd, 'palette-keys.yaml')),
      ...onKeys(
        'init',
        'init --config given/small.yaml',
        'init --config given/small.yaml --yes',
        'status',
        'init --yes',
      ),
    ],
  },
  {
    name: 'init-symmetric',
    steps: [
      ...onKeys('init --config given/secret.yaml', 'status -o json'),
      '+25h',
      ...onKeys('rotate jwt-signing-key --yes', `rotate jwt-signing-key --yes ${WORD}`),
    ],
  },
  {
    name: 'init-changed-spec',
    state: 'installed',
    steps: onKeys(
      ...[change, `${change} --dry-run`, `${change} --dry-run -o json`, `${change} --yes`, 'status'],
      ...['init --config given/small.yaml --yes -o json', 'init --config given/plain.yaml --yes -v', 'status -o json'],
    ),
  },
  {
    name: 'init-refused-spec',
    state: 'installed',
    steps: [
      ...['renamed', 'moved', 'apart'].flatMap((name) => onKeys(`init --config given/${name}.yaml --yes`)),
      ...onKeys('init --config given/renamed.yaml --dry-run -o json', 'status --config given/renamed.yaml'),
    ],
  },
  {
    name: 'init-database',
    state: 'installed',
    steps: onKeys(
      'init --config given/database.yaml --yes --request-timeout 1s',
      'status --request-timeout 1s',
      'init --mongodb-uri-file given/uri.txt --request-timeout 1s',
    ),
  },
  {
    name: 'init-escrow',
    steps: [
      `${first} --escrow {recipient} --escrow-file escrow.age --dry-run`,
      `${first} --escrow {recipient} --escrow-file escrow.age`,
      `${first} --escrow {recipient} --escrow-file escrow.age`,
      `${first} --escrow {recipient} --escrow-file other.age`,
      'status --dir keys',
      'restore escrow.age --identity given/identity.txt --dir back',
    ],
  },
  {
    name: 'status-formats',
    state: 'rotating',
    steps: onKeys(
      ...['', '-v', '-q', '-o json', '-o yaml', '-o prometheus', '--fail-on warning', '--fail-on nothing'].map(
        (flags) => `status ${flags}`,
      ),
    ),
  },
  {
    name: 'certificates-due',
    state: 'installed',
    steps: [
      '+250d',
      ...onKeys('status', 'init --dry-run', 'init', 'rotate --due --dry-run', 'rotate --due --yes', 'init'),
    ],
  },
  {
    name: 'certificates-expired',
    state: 'installed',
    steps: [
      '+400d',
      ...onKeys('status', 'status -o prometheus', 'init', 'init --yes -v'),
      '+3400d',
      ...onKeys('status', 'init --yes -o json', 'rotate internal-ca --yes'),
    ],
  },
  {
    name: 'clock-behind',
    state: 'rotated',
    steps: [
      '-2d',
      ...onKeys('status', 'init', 'rotate jwt-signing-key --yes', 'backup --out keys.age --recipient {recipient}'),
      '-400d',
      ...onKeys('status', 'init'),
      'init --dir more --config given/small.yaml',
    ],
  },
];
