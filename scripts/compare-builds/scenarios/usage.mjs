// Commands that come to nothing: wrong usage, wrong specs, no store.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { onKeys, rotating } from './lines.mjs';

const COMMANDS = ['init', 'status', 'rotate', 'backup', 'restore', 'csr', 'import-cert', 'tenant'];
const OF_TENANTS = ['add', 'list', 'verify', 'remove', 'rewrap'];
const NOWHERE = '--mongodb-uri mongodb://127.0.0.1:1/db --request-timeout 1s';

export const USAGE = [
  {
    name: 'help',
    steps: [
      ...['--help', '--version', '', 'help rotate', 'unheard-of', '--dri-run', 'init --dri-run', 'init surplus'],
      ...COMMANDS.map((name) => `${name} --help`),
      ...OF_TENANTS.map((name) => `tenant ${name} --help`),
    ],
  },
  {
    name: 'no-store',
    steps: [
      ...['init', 'status -o json', 'rotate jwt-signing-key', 'csr --fqdn a.example.org', 'tenant list'],
      'backup --out keys.age --recipient {recipient}',
      'status --kubeconfig given/small.yaml',
      'init --request-timeout soon',
      'init --dir= -o json',
    ],
  },
  {
    name: 'not-installed',
    steps: onKeys(
      ...[
        'status',
        'status -o json',
        'status -o prometheus',
        'rotate jwt-signing-key --yes',
        'rotate --due --yes -o json',
      ],
      ...['backup --out keys.age --recipient {recipient}', 'csr --fqdn a.example.org', 'tenant list'],
      'import-cert --cert given/leaf.pem --key given/leaf.key --ca given/root.pem --fqdn palette.example.org',
    ),
  },
  {
    name: 'wrong-spec',
    steps: [
      ...onKeys(
        'init --config given/wrong.yaml',
        'init --config given/wrong.yaml -o json',
        'init --config given/broken.yaml',
      ),
      ...onKeys('init --config given/leaf.pem', 'init --config nowhere.yaml', 'init --config given'),
      ({ cwd }) => copyFileSync(path.join(cwd, 'given/wrong.yaml'), path.join(cwd, 'palette-keys.yaml')),
      ...['init --dir keys', 'status --dir keys', 'init --print-config', 'init --print-rbac'],
    ],
  },
  {
    name: 'usage-init',
    steps: [
      ...onKeys('init -o prometheus', 'init -o xml', 'init --adopt --restore', 'init -n NotAName'),
      ...onKeys('init --escrow {recipient}', 'init --escrow-file escrow.age', 'init --accept-clock yesterday'),
      ...onKeys('init --escrow age1wrong --escrow-file escrow.age', 'init --mongodb-uri http://127.0.0.1'),
      `init --dir keys ${NOWHERE}`,
      ({ cwd }) => {
        mkdirSync(path.join(cwd, 'full'), { mode: 0o700 });
        writeFileSync(path.join(cwd, 'full/letter.txt'), 'hello\n');
      },
      ...['init --dir full', 'init --dir given/small.yaml'],
    ],
  },
  {
    name: 'usage-rotate',
    state: 'installed',
    steps: [
      ...['rotate --dir keys', 'rotate --dir keys -o json', 'rotate jwt --dir keys --yes', 'rotate jwt-signing-key'],
      ...rotating(
        'jwt-signing-key',
        ...['-o prometheus', '--due', '--service auth', '--ignore-pod nobody', '--accept-resets 3'],
        ...['--rollback --reinstate aaaaaaaaaaaaaaaa', '--rollback --again', '--plan --rollback', '--wait --plan'],
        ...['--retire nonsense', '--reinstate bbbbbbbbbbbbbbbb --yes', '--probe nowhere', '--probe 127.0.0.1:1'],
        ...['--assume-consumers-current', '--assume-consumers-current=soon', '--assume-consumers-current=99 -o json'],
        '--mongodb-admin-uri-file given/uri.txt',
      ),
      ...onKeys('rotate --due --compromised', 'rotate --due --wait', 'rotate --due --assume-consumers-current=1'),
      ...rotating('hash-salt', '--accept-resets none', '--accept-resets 3 --again'),
      ...rotating('service-certificates', '--service nobody --yes'),
    ],
  },
  {
    name: 'usage-tenant',
    state: 'installed',
    steps: [
      'tenant',
      ...onKeys('tenant', 'tenant add', 'tenant add acme --from given/uri.txt', 'tenant rewrap --shard 5/2'),
      ...onKeys('tenant remove acme --backup removed.json --no-backup', 'tenant list --mongodb-uri nowhere'),
      ...onKeys('tenant list --mongodb-uri-file nowhere.txt', 'tenant list --mongodb-uri-file given/two-lines.txt'),
      ...onKeys('tenant list --request-timeout 1s', 'tenant remove acme --request-timeout 1s -o json'),
      ...onKeys(`tenant add acme ${NOWHERE} -o json`, `status ${NOWHERE}`),
      'tenant verify --dir keys --mongodb-uri mongodb://127.0.0.1:1/db?tls=false',
    ],
  },
  {
    name: 'usage-files',
    state: 'installed',
    steps: [
      ...onKeys(
        'backup',
        'backup --out keys.age',
        'backup --out keys.age --recipient age1wrong',
        'backup --out keys.age --recipient {recipient} --passphrase-file given/passphrase.txt',
        'backup --out keys.age --passphrase-file given/two-lines.txt',
        'backup --out nowhere/keys.age --recipient {recipient}',
        'backup --out given/small.yaml --recipient {recipient}',
      ),
      'restore --dir more',
      'restore given/backup.age --dir more',
      'restore nowhere.age --dir more --identity given/identity.txt',
      'restore given/backup.age --dir more --identity given/identity.txt --passphrase-file given/passphrase.txt',
      'restore given/backup.age --dir more --identity given/small.yaml',
      ...onKeys(
        'import-cert',
        'import-cert --cert given/leaf.pem --pfx given/leaf.pfx',
        'import-cert --cert nowhere.pem',
        'import-cert --cert given/leaf.pem --allow NOTHING',
        'import-cert --cert given/leaf.pem --trust-root nothing',
        'csr --key-type dsa',
        'csr --fqdn not_a_name',
        'csr --out given/small.yaml',
      ),
    ],
  },
];
