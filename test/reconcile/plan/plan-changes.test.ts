// Covers: src/inventory/forms.ts, src/inventory/ledger-view.ts, src/reconcile/plan/apply-change.ts
// Covers: src/reconcile/plan/change.ts, src/reconcile/plan/compare/, src/reconcile/plan/findings/findings.ts
// Covers: src/reconcile/plan/findings/leftovers.ts, src/reconcile/plan/intent.ts, src/reconcile/plan/plan-changes.ts
// Covers: src/reconcile/plan/refusals.ts, src/reconcile/plan/snapshot.ts

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../../src/errors.ts';
import { wholeSpec } from '../../../src/installation/given.ts';
import { formatRef } from '../../../src/ports/object-ref.ts';
import { FINDINGS } from '../../../src/reconcile/plan/findings/finding.ts';
import type { ReconcilePlan } from '../../../src/reconcile/plan/plan-changes.ts';
import { planReconcile } from '../../../src/reconcile/reconcile.ts';
import { readStatus } from '../../../src/status/read-status.ts';
import { DAY, ManualClock } from '../../support/clock.ts';
import { FaultyStore } from '../../support/faulty-store.ts';
import {
  AUDIT,
  configMap,
  edit,
  editData,
  editRecord,
  factsOf,
  init,
  inputOf,
  installation,
  LEDGER,
  ledgerRef,
  objectIn,
  PLATFORM,
  portsOn,
  RECORD,
  type RunOptions,
  recordIn,
  refOf,
  secret,
  smallSpec,
  storeWith,
  transplant,
} from '../../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../../support/memory-store.ts';
import { RsaPool } from '../../support/random.ts';
import { faultsOf } from '../checker.ts';

const spec = smallSpec();
const pool = new RsaPool();
let made: Snapshot;
let foreign: Snapshot;
let mark: ReturnType<RsaPool['mark']>;
let store: MemoryStore;

beforeAll(async () => {
  pool.install();
  made = await installation();
  foreign = await installation();
  mark = pool.mark();
});

afterAll(() => pool.uninstall());

beforeEach(() => {
  pool.rewind(mark);
  store = storeWith(made);
});

const preview = (options: RunOptions = {}): Promise<ReconcilePlan> =>
  planReconcile(inputOf(options), portsOn(store, options));
const place = (name: string) => secret(PLATFORM, `palette-${name}`);
const ROOT = place('root-key');
const JWKS = configMap(PLATFORM, 'palette-jwks');
const BUNDLE = configMap(PLATFORM, 'palette-internal-ca-bundle');

/** What a plan does, without what it keeps: `restore Secret/a/b CODE`. */
const doings = ({ steps }: ReconcilePlan): readonly string[] =>
  steps
    .filter(({ action }) => action !== 'keep')
    .map(({ action, ref, code }) => `${action} ${formatRef(ref)}${code === undefined ? '' : ` ${code}`}`);

const contents = (): readonly string[] =>
  store.snapshot().objects.map((object) => `${formatRef(object.ref)} ${factsOf(object)}`);

interface Row {
  readonly title: string;
  readonly change: (store: MemoryStore) => void;
  readonly options?: RunOptions;
  readonly does: readonly string[];
  /** A reason, or a remedy, that some step gives. */
  readonly says?: readonly (string | RegExp)[];
  readonly confirm?: readonly string[];
}

const one = ['write 1 existing object anew'];
const restores = (ref: string, code: string): readonly string[] => [`restore ${ref} ${code}`];
const updates = (ref: string, code = 'PROJECTION_OUTDATED'): readonly string[] => [`update ${ref} ${code}`];
const blocks = (ref: string, code: string): string[] => [`blocked ${ref} ${code}`];
const at = (name: string): string => formatRef(place(name));
const ledger = (kind: string, n = 1): string => formatRef(ledgerRef(kind, n));

const damagedAndMissing: readonly Row[] = [
  { title: 'nothing', change: () => undefined, does: [] },
  {
    title: 'an object that is missing',
    change: (past) => past.take(ROOT),
    does: restores(at('root-key'), 'PROJECTION_MISSING'),
    says: ['it is missing'],
  },
  {
    title: 'a ConfigMap that is missing',
    change: (past) => past.take(JWKS),
    does: restores(formatRef(JWKS), 'PROJECTION_MISSING'),
  },
  {
    title: 'a certificate that is missing',
    change: (past) => past.take(place('auth-tls')),
    does: restores(at('auth-tls'), 'PROJECTION_MISSING'),
  },
  {
    title: 'an object that cannot be read',
    change: (past) => past.damage(ROOT, 'it is torn'),
    does: restores(at('root-key'), 'PROJECTION_DAMAGED'),
    says: ['it is damaged: it is torn'],
    confirm: one,
  },
  {
    title: 'a certificate that cannot be read',
    change: (past) => past.damage(place('auth-tls'), 'it is torn'),
    does: restores(at('auth-tls'), 'PROJECTION_DAMAGED'),
    confirm: one,
  },
  {
    title: 'another key under the old kid',
    change: (past) => editData(past, ROOT, () => ({ key: new Uint8Array(32).fill(1) })),
    does: restores(at('root-key'), 'PROJECTION_DAMAGED'),
    says: ['it is damaged: the key contradicts its kid'],
    confirm: one,
  },
  {
    title: 'a key that is too short',
    change: (past) => editData(past, ROOT, () => ({ key: new Uint8Array(31) })),
    does: restores(at('root-key'), 'PROJECTION_DAMAGED'),
    says: ['it is damaged: the key is not 32 bytes long'],
    confirm: one,
  },
  {
    title: 'another kid',
    change: (past) => editData(past, place('hash-salt'), () => ({ kid: 'a'.repeat(16) })),
    does: restores(at('hash-salt'), 'PROJECTION_DAMAGED'),
    confirm: one,
  },
  {
    title: 'a keyring that is not JSON',
    change: (past) => editData(past, ROOT, () => ({ 'keyring.json': '{' })),
    does: restores(at('root-key'), 'PROJECTION_DAMAGED'),
    says: ['it is damaged: entry keyring.json is not JSON'],
    confirm: one,
  },
  {
    title: 'an entry that is missing',
    change: (past) => editData(past, ROOT, () => ({ 'keyring.json': undefined })),
    does: restores(at('root-key'), 'PROJECTION_DAMAGED'),
    says: ['it is damaged: entry keyring.json is missing'],
    confirm: one,
  },
  {
    title: 'an empty entry',
    change: (past) => editData(past, place('jwt-signing-key'), () => ({ 'signing-key.pem': '' })),
    does: restores(at('jwt-signing-key'), 'PROJECTION_DAMAGED'),
    confirm: one,
  },
  {
    title: 'another algorithm of the JWT key',
    change: (past) => editData(past, place('jwt-signing-key'), () => ({ alg: 'RS256' })),
    does: restores(at('jwt-signing-key'), 'PROJECTION_DAMAGED'),
    confirm: one,
  },
  {
    title: 'a URI with another password',
    change: (past) =>
      editData(past, place('mongodb-auth'), ({ uri = '' }) => ({ uri: uri.replace(/:[^:@]+@/, ':x@') })),
    does: restores(at('mongodb-auth'), 'PROJECTION_DAMAGED'),
    says: ['it is damaged: the credentials in uri contradict username and password'],
    confirm: one,
  },
  {
    title: 'a bundle with something between',
    change: (past) => editData(past, BUNDLE, (data) => ({ 'ca.crt': `# CA\n${data['ca.crt']}` })),
    does: restores(formatRef(BUNDLE), 'PROJECTION_DAMAGED'),
    confirm: one,
  },
  {
    title: 'a key that is not that of its certificate',
    change: (past) =>
      editData(past, place('auth-tls'), () => ({ 'tls.key': objectIn(made, place('grpc-tls')).data['tls.key'] })),
    does: restores(at('auth-tls'), 'PROJECTION_DAMAGED'),
    says: ['it is damaged: tls.key is not the key of tls.crt'],
    confirm: one,
  },
  {
    title: 'a certificate that is not one',
    change: (past) => editData(past, place('grpc-tls'), () => ({ 'tls.crt': 'junk' })),
    does: restores(at('grpc-tls'), 'PROJECTION_DAMAGED'),
    confirm: one,
  },
  {
    title: 'a certificate without its key',
    change: (past) => editData(past, place('grpc-tls'), () => ({ 'tls.key': undefined })),
    does: restores(at('grpc-tls'), 'PROJECTION_DAMAGED'),
    confirm: one,
  },
  {
    title: 'a certificate with a wrong signature',
    change: (past) =>
      editData(past, place('auth-tls'), (data) => {
        const lines = (data['tls.crt'] ?? '').split('\n');
        const line = lines.at(-4) ?? '';
        lines.splice(
          -4,
          1,
          line.replace(/^./, (letter) => (letter === 'A' ? 'B' : 'A')),
        );
        return { 'tls.crt': lines.join('\n') };
      }),
    does: restores(at('auth-tls'), 'PROJECTION_DAMAGED'),
    says: ['it is damaged: the signature of the certificate is wrong'],
    confirm: one,
  },
  {
    title: 'a nats.conf that contradicts operator.jwt',
    change: (past) => editData(past, place('message-bus-auth'), () => ({ 'nats.conf': 'operator: none\n' })),
    does: restores(at('message-bus-auth'), 'PROJECTION_DAMAGED'),
    confirm: one,
  },
  {
    title: 'everything at once',
    change: (past) => {
      for (const { ref } of made.objects) if (ref.namespace === PLATFORM) past.damage(ref, 'it is torn');
    },
    does: expect.arrayContaining([`restore ${at('root-key')} PROJECTION_DAMAGED`]),
    confirm: ['write 11 existing objects anew'],
  },
];

const oursButDifferent: readonly Row[] = [
  {
    title: 'labels that are gone',
    change: (past) => edit(past, ROOT, () => ({ labels: {} })),
    does: updates(at('root-key')),
    says: ['labels or annotations differ'],
    confirm: one,
  },
  {
    title: 'the label of another installation',
    change: (past) =>
      edit(past, ROOT, ({ labels }) => ({ labels: { ...labels, 'palette-keys.dev/installation': 'other' } })),
    does: updates(at('root-key')),
    confirm: one,
  },
  {
    title: 'an annotation that is gone',
    change: (past) => edit(past, place('auth-tls'), () => ({ annotations: {} })),
    does: updates(at('auth-tls')),
    confirm: one,
  },
  {
    title: 'another type',
    change: (past) => edit(past, ROOT, () => ({ type: 'example.org/key' })),
    does: updates(at('root-key')),
    says: ['its type is not Opaque'],
    confirm: one,
  },
  {
    title: 'a state of before',
    change: (past) =>
      editData(past, ROOT, (data) => ({
        'keyring.json': (data['keyring.json'] ?? '').replace('\n  "keys"', '  "keys"'),
      })),
    does: updates(at('root-key')),
    says: ['keyring.json differs'],
    confirm: one,
  },
  {
    title: 'a URI with other hosts',
    change: (past) =>
      editData(past, place('mongodb-auth'), ({ uri = '' }) => ({ uri: uri.replace('mongo-0', 'mongo-9') })),
    does: updates(at('mongodb-auth')),
    says: ['uri differs'],
    confirm: one,
  },
  {
    title: 'a JWK Set without keys',
    change: (past) => editData(past, JWKS, () => ({ 'jwks.json': '{"keys":[]}' })),
    does: updates(formatRef(JWKS)),
    confirm: one,
  },
  {
    title: 'a certificate with another bundle',
    change: (past) => editData(past, place('auth-tls'), () => ({ 'ca.crt': 'junk' })),
    does: updates(at('auth-tls')),
    says: ['what surrounds the certificate differs'],
    confirm: one,
  },
  {
    title: 'a combined file of before',
    change: (past) => editData(past, place('mongodb-tls'), () => ({ 'tls-combined.pem': 'junk' })),
    does: updates(at('mongodb-tls')),
    confirm: one,
  },
  {
    title: 'a certificate with its CA behind it',
    change: (past) =>
      editData(past, place('auth-tls'), (data) => ({ 'tls.crt': `${data['tls.crt']}${data['ca.crt']}` })),
    does: updates(at('auth-tls')),
    confirm: one,
  },
  {
    title: 'certificates with other names',
    change: () => undefined,
    options: { spec: smallSpec({ grpc: { dnsNames: ['a.example.org', 'b.example.org'] } }) },
    does: updates(at('grpc-tls'), 'SAN_DRIFT'),
    says: ['its names differ: +a.example.org +b.example.org'],
    confirm: ['change the spec in 1 place', ...one],
  },
  {
    title: 'a certificate of another of our services',
    change: (past) => edit(past, place('grpc-tls'), () => ({ data: objectIn(made, place('message-bus-tls')).data })),
    does: updates(at('grpc-tls'), 'SAN_DRIFT'),
    says: [/^its names differ: \+grpc \+grpc\.hubble-system .* -nats /],
    confirm: one,
  },
  {
    title: 'certificates that have expired',
    change: () => undefined,
    options: { clock: new ManualClock('2028-06-01T00:00:00Z') },
    does: ['auth', 'mongodb', 'grpc', 'message-bus'].flatMap((name) =>
      updates(at(`${name}-tls`), 'CERTIFICATE_EXPIRED'),
    ),
    says: ['it expired on 2028-01-01T00:00:00Z'],
    confirm: ['write 4 existing objects anew'],
  },
];

const restoreRemedy = 'palette-keys init --restore puts ours back';
const foreignEdits: readonly Row[] = [
  ...['root-key', 'hash-salt', 'jwt-signing-key', 'mongodb-auth'].map(
    (kind): Row => ({
      title: `another ${kind}`,
      change: (past) => transplant(past, place(kind), foreign),
      does: blocks(at(kind), 'FOREIGN_EDIT'),
      says: [
        /^it holds key material that no ledger entry explains \([a-z2-7]{16}\)$/,
        `${restoreRemedy}; palette-keys init --adopt takes its ${kind} in`,
      ],
      confirm: [],
    }),
  ),
  {
    title: 'a CA of somebody else in a bundle',
    change: (past) =>
      editData(past, BUNDLE, (data) => ({
        'ca.crt': `${data['ca.crt']}${Buffer.from(objectIn(foreign, BUNDLE).data['ca.crt'] ?? [])}`,
      })),
    does: blocks(formatRef(BUNDLE), 'FOREIGN_EDIT'),
    says: [restoreRemedy],
  },
  {
    title: 'another JWK Set',
    change: (past) => transplant(past, JWKS, foreign),
    does: blocks(formatRef(JWKS), 'FOREIGN_EDIT'),
    says: [restoreRemedy],
  },
  {
    title: 'the message bus of another installation',
    change: (past) => transplant(past, place('message-bus-auth'), foreign),
    does: blocks(at('message-bus-auth'), 'FOREIGN_EDIT'),
  },
  {
    title: 'a certificate of another CA',
    change: (past) => transplant(past, place('grpc-tls'), foreign),
    does: blocks(at('grpc-tls'), 'FOREIGN_EDIT'),
    says: [/^its certificate \(SHA256:[0-9a-f]{64}\) was not issued by a CA of the ledger$/, restoreRemedy],
  },
  {
    title: 'another root key, and the wish to have ours back',
    change: (past) => transplant(past, ROOT, foreign),
    options: { intent: { type: 'restore' } },
    does: restores(at('root-key'), 'FOREIGN_EDIT'),
    confirm: one,
  },
  {
    title: 'a certificate of another CA, and the wish to have ours back',
    change: (past) => transplant(past, place('grpc-tls'), foreign),
    options: { intent: { type: 'restore' } },
    does: restores(at('grpc-tls'), 'FOREIGN_EDIT'),
    confirm: one,
  },
  {
    title: 'a certificate of another CA, and the wish to adopt it',
    change: (past) => transplant(past, place('grpc-tls'), foreign),
    options: { intent: { type: 'adopt' } },
    does: blocks(at('grpc-tls'), 'FOREIGN_EDIT'),
  },
  {
    title: 'another JWK Set, and the wish to adopt it',
    change: (past) => transplant(past, JWKS, foreign),
    options: { intent: { type: 'adopt' } },
    does: blocks(formatRef(JWKS), 'FOREIGN_EDIT'),
  },
  ...[false, true].map(
    (restore): Row => ({
      title: `another root key in an object that is not ours${restore ? ', and the wish to have ours back' : ''}`,
      change: (past) => {
        transplant(past, ROOT, foreign);
        edit(past, ROOT, () => ({ labels: { app: 'other' } }));
      },
      options: restore ? { intent: { type: 'restore' } } : {},
      does: blocks(at('root-key'), 'NOT_OURS'),
      says: [/^palette-keys did not write it: it holds key material/, /^move it away, or: palette-keys init --adopt /],
    }),
  ),
  {
    title: 'an object that is not ours, and of no use',
    change: (past) => edit(past, ROOT, () => ({ labels: {}, data: { note: Buffer.from('mine') } })),
    does: blocks(at('root-key'), 'NOT_OURS'),
  },
  {
    title: 'a certificate that is not ours, and cannot be read',
    change: (past) => edit(past, place('auth-tls'), () => ({ labels: {}, data: { 'tls.crt': Buffer.from('x') } })),
    does: blocks(at('auth-tls'), 'NOT_OURS'),
  },
];

const ledgerFaults: readonly Row[] = [
  ...['root-key', 'hash-salt', 'jwt-signing-key', 'mongodb-auth'].map(
    (kind): Row => ({
      title: `a ${kind} that is gone from the ledger, but not from its projection`,
      change: (past) => past.take(ledgerRef(kind)),
      does: restores(ledger(kind), 'LEDGER_ENTRY_LOST'),
      says: [`it is gone; ${at(kind)} holds its key`],
      confirm: [],
    }),
  ),
  ...['internal-ca', 'cluster-ca', 'message-bus-operator', 'message-bus-signing-key', 'message-bus-system-account'].map(
    (kind): Row => ({
      title: `a ${kind} that is gone, for projections have but its public half`,
      change: (past) => past.take(ledgerRef(kind)),
      does: expect.arrayContaining(blocks(ledger(kind), 'LEDGER_ENTRY_LOST')),
      says: [/^no backup of it is recorded/],
      confirm: [],
    }),
  ),
  {
    title: 'a root key that is gone everywhere',
    change: (past) => {
      past.take(ledgerRef('root-key'));
      past.take(ROOT);
    },
    does: expect.arrayContaining(blocks(ledger('root-key'), 'LEDGER_ENTRY_LOST')),
  },
  {
    title: 'a root key that is gone from the ledger, with a projection that is damaged',
    change: (past) => {
      past.take(ledgerRef('root-key'));
      editData(past, ROOT, () => ({ kid: 'a'.repeat(16) }));
    },
    does: expect.arrayContaining(blocks(ledger('root-key'), 'LEDGER_ENTRY_LOST')),
  },
  {
    title: 'a CA that is gone, of which a backup is known',
    change: (past) => {
      past.take(ledgerRef('internal-ca'));
      editRecord(past, (record) => {
        record.keys['internal-ca'].versions[0].backups = [
          { file: 'old.age', sha256: '0', at: '2027-01-02T00:00:00Z', recipients: [] },
          { file: 'new.age', sha256: '1', at: '2027-01-03T00:00:00Z', recipients: [] },
        ];
      });
    },
    does: expect.arrayContaining(blocks(ledger('internal-ca'), 'LEDGER_ENTRY_LOST')),
    says: [/^restore it from the backup new\.age of 2027-01-03T00:00:00Z/],
  },
  {
    title: 'a ledger entry that cannot be read, whose key a projection has',
    change: (past) => past.damage(ledgerRef('root-key'), 'it is torn'),
    does: expect.arrayContaining(blocks(ledger('root-key'), 'LEDGER_ENTRY_DAMAGED')),
    says: [`move it away and keep it; palette-keys init then writes it again from ${at('root-key')}`],
  },
  {
    title: 'a ledger entry that cannot be read, whose key nobody else has',
    change: (past) => past.damage(ledgerRef('cluster-ca'), 'it is torn'),
    does: expect.arrayContaining(blocks(ledger('cluster-ca'), 'LEDGER_ENTRY_DAMAGED')),
    says: [/^move it away and keep it, .*put it back from a backup/],
  },
  {
    title: 'a ledger entry that contradicts its kid',
    change: (past) => editData(past, ledgerRef('root-key'), () => ({ key: new Uint8Array(32) })),
    does: expect.arrayContaining(blocks(ledger('root-key'), 'LEDGER_ENTRY_DAMAGED')),
    says: [/is damaged: the key contradicts its kid$/],
  },
  {
    title: 'a ledger entry that contradicts its name',
    change: (past) => editData(past, ledgerRef('root-key'), () => ({ kind: 'hash-salt' })),
    does: expect.arrayContaining(blocks(ledger('root-key'), 'LEDGER_ENTRY_DAMAGED')),
  },
  {
    title: 'a CA of the ledger whose certificate is of another',
    change: (past) =>
      editData(past, ledgerRef('internal-ca'), () => ({
        'tls.crt': objectIn(foreign, ledgerRef('internal-ca')).data['tls.crt'],
      })),
    does: expect.arrayContaining(blocks(ledger('internal-ca'), 'LEDGER_ENTRY_DAMAGED')),
  },
  {
    title: 'a ledger entry that was replaced by another key',
    change: (past) => transplant(past, ledgerRef('hash-salt'), foreign),
    does: expect.arrayContaining(blocks(ledger('hash-salt'), 'LEDGER_ENTRY_UNEXPECTED')),
    says: [/holds the key [a-z2-7]{16}, the record says [a-z2-7]{16}$/],
  },
  {
    title: 'a lost ledger and a lost record',
    change: (past) => {
      for (const { ref } of made.objects) if (ref.namespace === LEDGER && ref.name !== AUDIT.name) past.take(ref);
    },
    options: { spec },
    does: expect.arrayContaining(blocks(ledger('root-key'), 'LEDGER_LOST')),
    confirm: [],
  },
  {
    title: 'a lost ledger, record and audit log',
    change: (past) => {
      for (const { ref } of made.objects) if (ref.namespace === LEDGER) past.take(ref);
    },
    options: { spec },
    does: expect.arrayContaining(blocks(ledger('internal-ca'), 'LEDGER_LOST')),
    says: [/^put the ledger back from a backup.*, or take in the key that is there: palette-keys init --adopt$/],
  },
  {
    title: 'a lost root key, record and audit log, where the rest of the ledger is there',
    change: (past) => {
      for (const ref of [ledgerRef('root-key'), RECORD, AUDIT, ROOT]) past.take(ref);
    },
    options: { spec },
    does: expect.arrayContaining(blocks(ledger('root-key'), 'LEDGER_LOST')),
  },
];

const recordFaults: readonly Row[] = [
  {
    title: 'a record that is lost',
    change: (past) => past.take(RECORD),
    options: { spec },
    does: [],
  },
  {
    title: 'a record that cannot be read',
    change: (past) => past.damage(RECORD, 'it is torn'),
    options: { spec },
    does: [],
    confirm: ['replace the damaged record by one rebuilt from the ledger'],
  },
  {
    title: 'a record that is not JSON',
    change: (past) => editData(past, RECORD, () => ({ 'record.json': '{' })),
    options: { spec },
    does: [],
    confirm: ['replace the damaged record by one rebuilt from the ledger'],
  },
  {
    title: 'a record that does not know a kind',
    change: (past) =>
      editRecord(past, (record) => {
        delete record.keys['hash-salt'];
      }),
    does: [],
  },
];

describe.each([
  ['what is missing or contradicts itself is restored', damagedAndMissing],
  ['what is ours but different is computed again', oursButDifferent],
  ['what no ledger entry explains is refused', foreignEdits],
  ['what the ledger has lost', ledgerFaults],
  ['what the record has lost', recordFaults],
])('%s:', (_, rows) => {
  test.each(rows)('$title', async ({ change, options, does, says = [], confirm }) => {
    change(store);
    const plan = await preview(options);
    expect(doings(plan)).toEqual(does);
    const words = plan.steps.flatMap(({ reason, remedy }) => [reason, remedy]);
    for (const said of says) {
      expect(words).toContainEqual(typeof said === 'string' ? said : expect.stringMatching(said));
    }
    const blocked = plan.steps.filter(({ action }) => action === 'blocked');
    for (const { code, remedy, reason } of blocked) expect([code, remedy, reason]).not.toContain(undefined);
    if (confirm !== undefined && blocked.length === 0) expect(plan.confirm).toEqual(confirm);
    const report = await readStatus(portsOn(store, options), {
      spec: options?.spec && wholeSpec(options.spec),
      namespace: undefined,
    });
    const found = report?.findings.map(({ code }) => code) ?? [];
    const codes = plan.steps.flatMap(({ code, action }) => (code === undefined || action === 'keep' ? [] : [code]));
    // What --restore or --adopt was asked to do is not asked of status.
    if (options?.intent === undefined) expect(found).toEqual(expect.arrayContaining(codes));
    for (const { code, severity } of report?.findings ?? []) expect(severity).toBe(FINDINGS[code].severity);
  });

  test.each(rows)(
    '$title: what is blocked is not written, and all else is right afterwards',
    async ({ change, options, does }) => {
      change(store);
      const before = contents();
      const ended = await init(store, options).catch((error: unknown) => error);
      const isBlocked = JSON.stringify(does).includes('"blocked ');
      if (ended instanceof PaletteKeysError) {
        expect(ended).toMatchObject({ code: 'REFUSED', exit: 5 });
        expect(ended.details).not.toEqual([]);
        expect(contents()).toEqual(before);
      } else {
        expect(ended).toMatchObject({ steps: expect.anything() });
        expect(faultsOf(store.snapshot(), options?.spec ?? spec)).toEqual([]);
      }
      expect([ended instanceof PaletteKeysError, JSON.stringify(does)]).toEqual([isBlocked, JSON.stringify(does)]);
    },
  );
});

async function failure(run: Promise<unknown>): Promise<Pick<PaletteKeysError, 'code' | 'message' | 'exit'>> {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof PaletteKeysError) return error;
  throw new Error(`not refused: ${error}`);
}

describe('there is no plan for', () => {
  test.each<readonly [string, (past: MemoryStore) => void, string]>([
    [
      'a record of a newer program',
      (past) => editRecord(past, (record) => Object.assign(record, { schemaVersion: 4 })),
      'RECORD_TOO_NEW',
    ],
    [
      'keys of two installations in one ledger',
      (past) => {
        const theirs = objectIn(foreign, ledgerRef('root-key'));
        past.put({ ...theirs, ref: ledgerRef('root-key', 2) });
      },
      'TWO_INSTALLATIONS',
    ],
    [
      'keys of two installations, and no record',
      (past) => {
        past.take(RECORD);
        past.put(objectIn(foreign, ledgerRef('hash-salt')));
      },
      'TWO_INSTALLATIONS',
    ],
    [
      'ledgers in two namespaces',
      (past) => past.put({ ...objectIn(made, RECORD), ref: { ...RECORD, namespace: 'elsewhere' } }),
      'TWO_INSTALLATIONS',
    ],
    [
      'a record that names another installation than the first root key does',
      (past) => editRecord(past, (record) => Object.assign(record, { installationId: 'another-installation' })),
      'TWO_INSTALLATIONS',
    ],
  ])('%s', async (_, change, code) => {
    change(store);
    const before = contents();
    expect(await failure(preview({ spec }))).toMatchObject({ code, exit: 5 });
    expect(await failure(init(store, { spec }))).toMatchObject({ code });
    expect(contents()).toEqual(before);
  });

  test.each([
    ['namespace', { namespace: 'other' }],
    ['namePrefix', { namePrefix: 'other-' }],
    ['ledgerNamespace', { ledgerNamespace: 'other' }],
  ])('a change of %s', async (field, change) => {
    const { code, message, exit } = await failure(preview({ spec: smallSpec(change) }));
    expect({ code, exit }).toEqual({ code: 'REFUSED', exit: 5 });
    expect(message).toContain(field);
  });

  test('another namespace (-n) than the record has', async () => {
    expect(await failure(preview({ namespace: 'other' }))).toMatchObject({ code: 'USAGE', exit: 2 });
    expect(await preview({ namespace: PLATFORM })).toMatchObject({ changes: false });
  });
});

describe('a change of the spec', () => {
  const wider = smallSpec({
    serviceCertificates: { services: [{ name: 'auth' }, { name: 'ui', namespace: 'ui-system' }] },
    mongodb: { members: 2 },
  });

  test('makes what is new, computes again what differs, and asks first', async () => {
    const plan = await preview({ spec: wider });
    expect(doings(plan)).toEqual([
      'create ConfigMap/ui-system/palette-internal-ca-bundle',
      'create Secret/ui-system/palette-ui-tls',
      `update ${at('mongodb-tls')} SAN_DRIFT`,
      `update ${at('mongodb-auth')} PROJECTION_OUTDATED`,
    ]);
    expect(plan).toMatchObject({
      confirm: ['change the spec in 2 places', 'write 2 existing objects anew'],
      missingNamespaces: ['ui-system'],
      orphanedObjects: [],
      completes: false,
      changes: true,
    });
  });

  test('names what it no longer asks for, and leaves it where it is', async () => {
    await init(store, { spec: wider });
    const released = ['ConfigMap/ui-system/palette-internal-ca-bundle', 'Secret/ui-system/palette-ui-tls'];
    expect((await preview({ spec })).orphanedObjects).toEqual(released);
    const done = await init(store, { spec });
    expect(done.orphanedObjects).toEqual(released);
    const there = store.snapshot().objects.map(({ ref }) => formatRef(ref));
    expect(there).toEqual(expect.arrayContaining(released));
  });

  test('that only a rotation can bring is a finding, and changes no key', async () => {
    const other = smallSpec({
      jwt: { algorithm: 'RS256' },
      internalCA: { keySize: 4096 },
      mongodb: { username: 'other', members: 1 },
    });
    const plan = await init(store, { spec: other });
    const found = plan.findings.filter(({ code }) => code === 'ROTATION_NEEDED').map(({ subject }) => subject);
    expect(found).toEqual(['jwt-signing-key', 'internal-ca', 'mongodb-auth']);
    expect(faultsOf(store.snapshot(), other)).toEqual([]);
  });

  test('that comes with something blocked is not made', async () => {
    transplant(store, ROOT, foreign);
    const before = contents();
    expect(await failure(init(store, { spec: wider }))).toMatchObject({ code: 'REFUSED' });
    expect(contents()).toEqual(before);
  });

  test('of nothing but the order of its lists is none', async () => {
    const two = [{ name: 'auth' }, { name: 'ui', dnsNames: ['a.b', 'c.d'] }];
    const ordered = smallSpec({ serviceCertificates: { services: two } });
    await init(store, { spec: ordered });
    const [auth, ui] = two;
    const turned = smallSpec({ serviceCertificates: { services: [{ ...ui, dnsNames: ['c.d', 'a.b'] }, auth] } });
    expect(await preview({ spec: turned })).toMatchObject({ changes: false });
  });
});

describe('a first run', () => {
  test('makes everything, and asks nothing', async () => {
    store = memoryStore();
    const plan = await preview({ spec });
    expect(new Set(plan.steps.map(({ action }) => action))).toEqual(new Set(['create']));
    expect(plan).toMatchObject({ confirm: [], completes: false, changes: true, installationId: undefined });
    expect(plan.missingNamespaces).toEqual([PLATFORM, LEDGER]);
  });

  test('that was interrupted anywhere is completed without being asked', async () => {
    const wrong: string[] = [];
    for (let n = 1; n <= 24; n++) {
      pool.rewind(mark);
      store = memoryStore();
      await init(new FaultyStore(store).killAt(n, 'before'), { spec }).catch(() => undefined);
      store = store.afterCrash();
      const plan = await preview({ spec });
      const actions = new Set(plan.steps.map(({ action }) => action));
      actions.delete('keep');
      actions.delete('create');
      if (actions.size > 0 || plan.confirm.length > 0 || !plan.changes)
        wrong.push(`write ${n}: ${doings(plan).join()}`);
      const recorded = store.snapshot().objects.some(({ ref }) => formatRef(ref) === formatRef(RECORD));
      if (plan.completes !== recorded) wrong.push(`write ${n}: completes is ${plan.completes}`);
    }
    expect(wrong).toEqual([]);
  });

  test.each(['root-key', 'jwt-signing-key', 'hash-salt', 'mongodb-auth', 'auth-tls', 'message-bus-auth'])(
    'finds palette-%s of somebody else in its place, and touches nothing',
    async (name) => {
      store = memoryStore();
      const data = { note: Buffer.from('mine') };
      store.put({ ref: place(name), type: 'Opaque', immutable: false, labels: {}, annotations: {}, data });
      const plan = await preview({ spec });
      expect(doings(plan)).toContain(`blocked ${at(name)} NOT_OURS`);
      const before = contents();
      expect(await failure(init(store, { spec }))).toMatchObject({ code: 'REFUSED' });
      expect(contents()).toEqual(before);
    },
  );

  test('may find what others keep in the same namespaces', async () => {
    store = memoryStore();
    const theirs = { type: 'Opaque', immutable: true, labels: {}, annotations: {}, data: {} };
    store.put({ ...theirs, ref: secret(LEDGER, 'token') });
    store.put({ ...theirs, ref: secret(PLATFORM, 'palette-license') });
    await init(store, { spec });
    expect(faultsOf(store.snapshot(), spec)).toEqual([]);
  });
});

describe('findings that stand', () => {
  const codes = async (options: RunOptions = {}): Promise<readonly string[]> =>
    (await preview(options)).findings.map(({ code, subject }) => `${code} ${subject}`);
  const usual = ['TENANT_KEY_BELOW_112_BITS tenantKeys', 'ROOT_KEY_NOT_BACKED_UP root-key'];

  test('of a new installation are two', async () => {
    expect(await codes()).toEqual(usual);
  });

  test('are none where tenant keys are long and all keys are backed up', async () => {
    await init(store, { spec: smallSpec({ tenantKeys: { bits: 128 } }) });
    editRecord(store, (record) => {
      const backup = { file: 'a.age', sha256: '0', at: '2027-01-02T00:00:00Z', recipients: ['age1x'] };
      for (const kind of Object.keys(record.keys)) record.keys[kind].versions[0].backups = [backup];
    });
    expect(await codes()).toEqual([]);
  });

  test.each([
    [239, []],
    [241, ['auth', 'mongodb', 'grpc', 'message-bus'].map((name) => `CERTIFICATE_RENEWAL_DUE ${at(`${name}-tls`)}`)],
    [
      -1,
      ['internal-ca', 'cluster-ca', ...['auth', 'mongodb', 'grpc', 'message-bus'].map((name) => at(`${name}-tls`))].map(
        (subject) => `CLOCK_BEFORE_NOT_BEFORE ${subject}`,
      ),
    ],
  ])('after %d days are those of the dates', async (days, expected) => {
    const clock = new ManualClock();
    clock.advance(days * DAY);
    expect(new Set(await codes({ clock }))).toEqual(new Set([...usual, ...expected]));
  });

  test('name what helps against a certificate from the future where the clock is right', async () => {
    const clock = new ManualClock();
    clock.advance(-DAY);
    const found = (await preview({ clock })).findings.find(({ subject }) => subject === at('grpc-tls'));
    expect(found?.remedy).toContain('palette-keys rotate grpc-tls --again');
  });

  test('are that a CA is due a leaf’s life before it ends', async () => {
    const clock = new ManualClock();
    clock.advance((3650 - 364) * DAY);
    const due = (await codes({ clock })).filter((found) => found.startsWith('CA_'));
    expect(due).toEqual(['CA_RENEWAL_DUE internal-ca', 'CA_RENEWAL_DUE cluster-ca']);
  });

  test('are that the audit log is gone, damaged, or broken', async () => {
    store.take(AUDIT);
    expect(await codes()).toContain(`AUDIT_CHAIN_BROKEN ${formatRef(AUDIT)}`);
    editRecord(store, ({ audit: _, ...record }) => record);
    expect(await codes()).toContain(`AUDIT_MISSING ${formatRef(AUDIT)}`);
    store = storeWith(made);
    store.damage(AUDIT, 'it is torn');
    expect(await codes()).toContain(`AUDIT_DAMAGED ${formatRef(AUDIT)}`);
    store = storeWith(made);
    store.take(ROOT);
    await init(store);
    editData(store, AUDIT, (data) => ({ 'audit.jsonl': data['audit.jsonl']?.replace('tester', 'nobody') }));
    expect(await codes()).toContain(`AUDIT_DAMAGED ${formatRef(AUDIT)}`);
  });

  test('are that the ledger has a version that the record does not know', async () => {
    const theirs = objectIn(foreign, ledgerRef('root-key'));
    const { labels } = objectIn(made, ledgerRef('root-key'));
    store.put({ ...theirs, labels, ref: ledgerRef('root-key', 2) });
    expect(await codes()).toContain(`LEDGER_ENTRY_UNRECORDED ${ledger('root-key', 2)}`);
    expect(await preview()).toMatchObject({ changes: false });
  });
});

test('no plan and no status shows a byte of a key', async () => {
  const before = recordIn(made);
  transplant(store, ROOT, foreign);
  store.take(ledgerRef('hash-salt'));
  const shown = JSON.stringify([
    await preview({ intent: { type: 'adopt' } }),
    await preview(),
    await readStatus(portsOn(store), { spec: undefined, namespace: undefined }),
  ]);
  expect(shown).toContain(before.keys['root-key'].versions[0].kid);
  for (const snapshot of [made, foreign]) {
    for (const object of snapshot.objects) {
      if (object.damage !== undefined || object.ref.kind !== 'Secret') continue;
      for (const name of ['key', 'salt', 'password', 'keyfile', 'key.pem', 'tls.key', 'signing-key.pem']) {
        const bytes = Buffer.from(object.data[name] ?? []);
        if (bytes.length === 0) continue;
        const forms = [
          bytes.toString('latin1'),
          bytes.toString('hex'),
          bytes.toString('base64'),
          bytes.toString('base64url'),
        ];
        for (const form of forms) expect(shown.includes(JSON.stringify(form).slice(1, -1))).toBe(false);
      }
    }
  }
});

test('a place in a plan leads back to its object', () => {
  expect(refOf(at('root-key'))).toEqual(ROOT);
});
