/** Lists that are no backup, though each differs from one in a single thing. */
import { LEDGER, ledgerRef, PLATFORM, RECORD } from '../support/installations.ts';

export interface Item {
  kind: string;
  type?: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  data: Record<string, string>;
}

export interface List {
  kind: string;
  items: Item[];
}

/** The object of that name. */
export function item(list: List, name: string): Item {
  const found = list.items.find(({ metadata }) => metadata.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

const SALT = ledgerRef('hash-salt').name;
const JWT = ledgerRef('jwt-signing-key').name;

const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString('base64');

/** Changes the record in the List. */
// biome-ignore lint/suspicious/noExplicitAny: it is made wrong on purpose
function record(change: (record: any) => void): (list: List) => void {
  return (list) => {
    const { data } = item(list, RECORD.name);
    const value = JSON.parse(data['record.json'] ?? '');
    change(value);
    data['record.json'] = JSON.stringify(value);
  };
}

function without(name: string): (list: List) => void {
  return (list) => {
    list.items = list.items.filter(({ metadata }) => metadata.name !== name);
  };
}

/** What makes a List something that cannot be restored, how that is told, and with which exit code. */
export const BAD: readonly (readonly [
  name: string,
  change: (list: List, foreign: List) => void,
  says: RegExp,
  code?: number,
])[] = [
  ['no object', (list) => list.items.splice(0), /holds no installation record/],
  ['no record', without(RECORD.name), /holds no installation record/],
  [
    'nothing but the record',
    (list) => list.items.splice(0, 99, item(list, RECORD.name)),
    /lacks \S+ v1 \([a-z2-7]{16}\)/,
  ],
  [
    'a record that is no JSON',
    (list) => Object.assign(item(list, RECORD.name).data, { 'record.json': '{' }),
    /record is damaged/,
  ],
  ['a record without its entry', (list) => Object.assign(item(list, RECORD.name), { data: {} }), /record is damaged/],
  [
    'a record with a number that is none',
    record((value) => Object.assign(value, { generation: 'more' })),
    /record is damaged/,
  ],
  [
    'a record with two active versions',
    record(({ keys }) => keys['hash-salt'].versions.push({ ...keys['hash-salt'].versions[0], n: 2 })),
    /record is damaged/,
  ],
  [
    'a record with a spec that is not valid',
    record(({ spec }) => Object.assign(spec, { namespace: 'A_B' })),
    /record is damaged/,
  ],
  ['a record of a newer schema', record((value) => Object.assign(value, { schemaVersion: 4 })), /schemaVersion 4/, 5],
  [
    'a newer schema with fields that nobody knows',
    record((value) => Object.assign(value, { schemaVersion: 99, keys: [], more: {} })),
    /schemaVersion 99/,
    5,
  ],
  [
    'a key that is not that of its kid',
    (list) => Object.assign(item(list, SALT).data, { key: base64(Buffer.alloc(32, 7)) }),
    /hash-salt-v1 in it is damaged: the key contradicts its kid/,
  ],
  [
    'a kid that is not that of its key',
    (list) => Object.assign(item(list, SALT).data, { kid: base64('a'.repeat(16)) }),
    /hash-salt-v1 in it is damaged/,
  ],
  [
    'the key of another kind',
    (list) => Object.assign(item(list, SALT).data, { key: item(list, ledgerRef('root-key').name).data['key'] }),
    /hash-salt-v1 in it is damaged/,
  ],
  [
    'a private key of another installation under its kid',
    (list, foreign) => Object.assign(item(list, JWT).data, { 'key.pem': item(foreign, JWT).data['key.pem'] }),
    /jwt-signing-key-v1 in it is damaged/,
  ],
  [
    'a certificate of another installation beside its key',
    (list, foreign) =>
      Object.assign(item(list, ledgerRef('internal-ca').name).data, {
        'tls.crt': item(foreign, ledgerRef('internal-ca').name).data['tls.crt'],
      }),
    /internal-ca-v1 in it is damaged/,
  ],
  [
    'a password of another installation',
    (list, foreign) =>
      Object.assign(item(list, ledgerRef('mongodb-auth').name).data, {
        password: item(foreign, ledgerRef('mongodb-auth').name).data['password'],
      }),
    /mongodb-auth-v1 in it is damaged/,
  ],
  [
    'an entry without its key',
    (list) => {
      delete item(list, SALT).data['key'];
    },
    /hash-salt-v1 in it is damaged/,
  ],
  [
    'an entry that says it is of another kind',
    (list) => Object.assign(item(list, SALT).data, { kind: base64('root-key') }),
    /hash-salt-v1 in it is damaged/,
  ],
  [
    'an entry without its date',
    (list) => {
      delete item(list, SALT).data['createdAt'];
    },
    /hash-salt-v1 in it is damaged/,
  ],
  ['no root key', without(ledgerRef('root-key').name), /lacks root-key v1 \([a-z2-7]{16}\), which its record knows/],
  ['one CA less than its record knows', without(ledgerRef('cluster-ca').name), /lacks cluster-ca v1/],
  [
    'a version less than its record knows',
    record(({ keys }) => {
      const [first] = keys['hash-salt'].versions;
      keys['hash-salt'].versions.push({ ...first, n: 2, state: 'trusted' });
    }),
    /lacks hash-salt v2/,
  ],
  [
    'a version with another kid than its record has',
    record(({ keys }) => Object.assign(keys['hash-salt'].versions[0], { kid: 'b'.repeat(16) })),
    /lacks hash-salt v1 \(b{16}\)/,
  ],
  [
    'a version with another certificate than its record has',
    record(({ keys }) => Object.assign(keys['internal-ca'].versions[0], { fingerprint: `SHA256:${'0'.repeat(64)}` })),
    /internal-ca v1 \([a-z2-7]{16}\) is another one than its record knows/,
  ],
  [
    'a key of another time than its record has',
    (list) => Object.assign(item(list, SALT).data, { createdAt: base64('2020-01-01T00:00:00Z') }),
    /hash-salt v1 \([a-z2-7]{16}\) is another one than its record knows/,
  ],
  [
    'an entry beside a key',
    (list) => Object.assign(item(list, SALT).data, { 'run.sh': base64('echo') }),
    /hash-salt-v1 in it is damaged: it holds the entry run.sh, which no hash-salt has/,
  ],
  [
    'keys of another installation under the same names',
    (list, foreign) => {
      const salt = item(foreign, SALT);
      list.items = list.items.map((one) => (one.metadata.name === SALT ? salt : one));
    },
    /another installation|lacks hash-salt v1/,
  ],
  [
    'a record of another installation',
    (list, foreign) => {
      list.items = list.items.map((one) => (one.metadata.name === RECORD.name ? item(foreign, RECORD.name) : one));
    },
    /another installation|lacks root-key v1/,
  ],
  [
    'a label of another installation',
    (list) => Object.assign(item(list, SALT).metadata.labels ?? {}, { 'palette-keys.dev/installation': 'other' }),
    /another installation/,
  ],
  [
    'an entry without labels',
    (list) => Object.assign(item(list, SALT).metadata, { labels: {} }),
    /another installation/,
  ],
  [
    'an entry in another namespace',
    (list) => Object.assign(item(list, SALT).metadata, { namespace: PLATFORM }),
    /not in the namespace of the ledger/,
  ],
  [
    'a Secret that is no entry of the ledger',
    (list) => {
      list.items.push(copyOf(item(list, SALT), 'palette-root-key'));
    },
    /a Secret that is not an entry of the ledger/,
  ],
  [
    'a Secret of somebody else',
    (list) => {
      list.items.push({
        kind: 'Secret',
        type: 'Opaque',
        metadata: { name: 'their-password', namespace: LEDGER },
        data: { key: base64('x') },
      });
    },
    /a Secret that is not an entry of the ledger/,
  ],
  [
    'a Secret of a kind that nobody knows',
    (list) => {
      list.items.push(copyOf(item(list, SALT), 'palette-key-other-v1'));
    },
    /a Secret that is not an entry of the ledger/,
  ],
  [
    'a further version whose label is that of another installation',
    (list, foreign) => {
      const more = copyOf(item(foreign, SALT), 'palette-key-hash-salt-v2');
      list.items.push(more);
    },
    /another installation/,
  ],
  [
    'a Secret under a wrong name of the ledger',
    (list) => Object.assign(item(list, SALT).metadata, { name: 'palette-key-hash-salt-v01' }),
    /not an entry of the ledger|lacks hash-salt v1/,
  ],
  [
    'the same Secret twice',
    (list) => {
      list.items.push(copyOf(item(list, SALT), SALT));
    },
    /twice/,
  ],
  [
    'two Secrets of one name with different keys',
    (list, foreign) => {
      const other = copyOf(item(list, SALT), SALT);
      Object.assign(other.data, item(foreign, SALT).data);
      list.items.push(other);
    },
    /twice/,
  ],
  [
    'an object of another kind',
    (list) => {
      list.items.push({ ...item(list, SALT), kind: 'Role' });
    },
    /no Secret or ConfigMap/,
  ],
];

function copyOf(one: Item, name: string): Item {
  return { ...structuredClone(one), metadata: { ...one.metadata, name } };
}
