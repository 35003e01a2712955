// What `init`, `status` and others do where objects are missing, damaged, somebody else's, or of a newer build.
import { chmodSync, cpSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { edit, editRecord, editText, fileOf, LEDGER, PLATFORM, remove, transplant } from '../objects.mjs';
import { onKeys } from './lines.mjs';

const RECORD = `ConfigMap/${LEDGER}/palette-keys-installation`;
const AUDIT = `ConfigMap/${LEDGER}/palette-keys-audit`;
const entry = (kind, n = 1) => `Secret/${LEDGER}/palette-key-${kind}-v${n}`;
const secret = (name) => `Secret/${PLATFORM}/palette-${name}`;
const config = (name) => `ConfigMap/${PLATFORM}/palette-${name}`;

/** A folder with that damage, and commands on it: what one sees of it, and what `init` makes of it, unless given. */
function damaged(name, damage, commands = ['status -o json', 'init', 'init --yes -v'], state = 'installed') {
  return { name: `damage-${name}`, state, steps: [damage, ...onKeys(...commands)] };
}

const REFUSED = ['status', 'init --yes -o json', 'rotate jwt-signing-key --again --yes'];
const BACKUP = 'backup --out keys.age --recipient {recipient}';

const removing =
  (...refs) =>
  ({ keys }) =>
    remove(keys, ...refs);

/** Puts what another installation has there in. */
const transplanting =
  (...refs) =>
  async ({ keys, stranger }) => {
    for (const ref of refs) transplant(keys, ref, await stranger());
  };

/** At a place that does not depend on how long a key is. */
const beforeData = (text) => text.slice(0, text.indexOf('\ndata:') - 5);

const changingRecord =
  (change) =>
  ({ keys }) =>
    editRecord(keys, change);

const changingAudit =
  (change) =>
  ({ keys }) =>
    edit(keys, AUDIT, ({ data }) => {
      data['audit.jsonl'] = change(data['audit.jsonl']);
    });

export const DAMAGES = [
  damaged('missing', removing(secret('root-key'), config('jwks'), secret('auth-tls'), secret('message-bus-auth'))),
  damaged('texts', ({ keys }) => {
    editText(keys, secret('hash-salt'), () => '');
    editText(keys, secret('grpc-tls'), beforeData);
    editText(keys, config('jwks'), (text) => text.replace(/^kind: .*$/m, 'kind: Pod'));
    editText(keys, secret('mongodb-auth'), (text) => text.replace(/^ {2}name: .*$/m, '  name: other'));
  }),
  damaged('entries', ({ keys }) => {
    edit(keys, secret('root-key'), ({ data }) => delete data.key);
    edit(keys, secret('hash-salt'), ({ data }) => {
      data.kid = Buffer.from('aaaaaaaaaaaaaaaa').toString('base64');
    });
    edit(keys, secret('mongodb-tls'), ({ data }) => delete data['ca.crt']);
    edit(keys, secret('jwt-signing-key'), ({ data }) => {
      data.surplus = 'eA==';
    });
  }),
  damaged('marks', ({ keys }) => {
    edit(keys, entry('hash-salt'), ({ metadata }) => delete metadata.labels['palette-keys.dev/kind']);
    edit(keys, secret('root-key'), ({ metadata }) => delete metadata.annotations);
    edit(keys, config('jwks'), ({ metadata }) => {
      metadata.labels['app.kubernetes.io/managed-by'] = 'somebody';
    });
  }),
  damaged('foreign-restored', transplanting(secret('root-key'), secret('hash-salt')), [
    ...['status', 'init', 'init --restore', 'init --restore --dry-run', 'init --restore --yes', 'init'],
  ]),
  damaged('foreign-adopted', transplanting(secret('root-key'), secret('jwt-signing-key'), secret('hash-salt')), [
    ...['init --adopt', 'init --adopt --dry-run -o json', 'init --adopt --yes -v', 'init', 'rotate hash-salt --yes'],
  ]),
  damaged('foreign-certificates', transplanting(secret('auth-tls'), config('internal-ca-bundle'), secret('grpc-tls')), [
    ...['status -o json', 'init --adopt --yes', 'init --restore --yes'],
  ]),
  damaged('lost-entries', removing(entry('root-key'), entry('jwt-signing-key'), entry('mongodb-auth'))),
  damaged('lost-authority', removing(entry('internal-ca')), [...REFUSED, BACKUP]),
  damaged('damaged-entry', ({ keys }) => editText(keys, entry('cluster-ca'), beforeData), REFUSED),
  damaged('exchanged-entry', transplanting(entry('root-key')), REFUSED),
  damaged('lost-record', removing(RECORD)),
  damaged('lost-record-and-spec', removing(RECORD, AUDIT), ['status', 'init', 'init --config given/small.yaml']),
  damaged('lost-record-while-rotating', removing(RECORD), ['status', 'init --yes', BACKUP], 'rotating'),
  damaged('damaged-record', ({ keys }) => editText(keys, RECORD, (text) => text.replace('"versions"', '"version"'))),
  damaged(
    'not-ready',
    changingRecord((record) => {
      record.ready = false;
    }),
  ),
  damaged(
    'later-fields',
    changingRecord((record) => {
      record.keys['root-key'].later = { a: 1 };
      record.later = true;
    }),
    ['status', 'rotate jwt-signing-key --again --yes', 'init --config given/changed.yaml --yes'],
  ),
  damaged(
    'newer-record',
    changingRecord((record) => {
      record.schemaVersion = 99;
    }),
    [...REFUSED, 'csr', BACKUP, 'status -o prometheus'],
  ),
  damaged('lost-ledger', ({ keys }) => rmSync(path.join(keys, LEDGER), { recursive: true }), REFUSED),
  damaged(
    'broken-audit',
    changingAudit(() => 'x\n'),
  ),
  damaged(
    'shortened-audit',
    changingAudit((text) => `${text.split('\n')[0]}\n`),
    ['status', 'init --yes'],
    'rotated',
  ),
  damaged('lost-audit', removing(AUDIT), ['status', 'init --yes']),
  damaged(
    'two-installations',
    async ({ keys, stranger }) => {
      const second = entry('hash-salt', 2);
      cpSync(fileOf(await stranger(), entry('hash-salt')), fileOf(keys, second));
      edit(keys, second, ({ metadata }) => {
        metadata.name = 'palette-key-hash-salt-v2';
      });
    },
    ['status', 'init --yes -o json'],
  ),
  damaged(
    'interrupted',
    ({ keys }) => {
      for (const name of [PLATFORM, 'ui-system', `${LEDGER}/configmaps`])
        rmSync(path.join(keys, name), { recursive: true });
      const entries = path.join(keys, LEDGER, 'secrets');
      for (const name of readdirSync(entries))
        if (!/root-key|jwt|hash-salt/.test(name)) rmSync(path.join(entries, name));
    },
    ['status', 'init', 'init --config given/small.yaml', 'status'],
  ),
  damaged('somebody-elses', ({ keys }) => {
    const metadata = { name: 'palette-root-key', namespace: PLATFORM };
    const object = { apiVersion: 'v1', kind: 'Secret', metadata, data: { a: 'eA==' } };
    writeFileSync(fileOf(keys, secret('root-key')), JSON.stringify(object));
  }),
  damaged(
    'unsafe-modes',
    ({ keys }) => {
      chmodSync(fileOf(keys, secret('root-key')), 0o644);
      chmodSync(path.join(keys, 'ui-system'), 0o755);
    },
    ['status', 'init --yes'],
  ),
  damaged(
    'symlink',
    ({ keys }) => {
      remove(keys, secret('root-key'));
      symlinkSync('/dev/null', fileOf(keys, secret('root-key')));
    },
    ['status', 'init --yes'],
  ),
  damaged(
    'lock',
    ({ keys }) => {
      remove(keys, secret('root-key'));
      const origin = { pid: 1, processStart: null, bootId: null, host: 'elsewhere', pidNamespace: null };
      const holder = { command: 'init', user: 'somebody', since: '2026-12-01T00:00:00Z', nonce: '0'.repeat(32) };
      writeFileSync(path.join(keys, '.lock'), JSON.stringify({ ...origin, ...holder }), { mode: 0o600 });
    },
    ['status', 'init', 'rotate grpc-tls --again --yes -o json'],
  ),
];
