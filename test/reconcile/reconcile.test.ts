// Covers: src/reconcile/plan/assert-approved.ts, src/reconcile/plan/run-state.ts, src/reconcile/read/verify.ts
// Covers: src/reconcile/reconcile.ts, src/reconcile/write/

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../src/errors.ts';
import type { KeyStore } from '../../src/ports/key-store.ts';
import { formatRef } from '../../src/ports/object-ref.ts';
import type { ProgressEvent } from '../../src/progress.ts';
import { planReconcile, reconcile } from '../../src/reconcile/reconcile.ts';
import { ManualClock } from '../support/clock.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import {
  AUDIT,
  auditIn,
  edit,
  editData,
  editRecord,
  factsOf,
  init,
  inputOf,
  installation,
  LEDGER,
  ledgerFacts,
  ledgerRef,
  objectIn,
  PLATFORM,
  portsOn,
  RECORD,
  type RunOptions,
  recordIn,
  secret,
  smallSpec,
  storeWith,
  transplant,
} from '../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';
import { faultsOf } from './checker.ts';

const ROOT = secret(PLATFORM, 'palette-root-key');
const LEAF = secret(PLATFORM, 'palette-auth-tls');
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

/** What a run was ended with. */
async function failureOf(run: Promise<unknown>): Promise<PaletteKeysError> {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof PaletteKeysError) return error;
  throw new Error(`not refused, but: ${error}`, { cause: error });
}

/** 'done', or the code of the error that a run ended with; the error itself where it is a bug. */
async function endOf(run: Promise<unknown>): Promise<string> {
  return run.then(
    () => 'done',
    (error: unknown) => (error instanceof PaletteKeysError ? error.code : String(error)),
  );
}

/** A store that says which of its methods is about to be called, and waits for the answer. */
function watching(inner: KeyStore, called: (name: string) => void | Promise<void>): KeyStore {
  return new Proxy<KeyStore>(inner, {
    get: (target, name) => {
      const value = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...given: unknown[]) => {
        await called(String(name));
        return Reflect.apply(value, target, given);
      };
    },
  });
}

/** Everything in a store but versions. */
function contents(snapshot: Snapshot): ReadonlyMap<string, string> {
  return new Map(snapshot.objects.map((object) => [formatRef(object.ref), factsOf(object)]));
}

describe('a first init', () => {
  test('writes the root key, the record with the spec, the other keys, the record, what workloads mount, then the audit', async () => {
    const empty = new FaultyStore(memoryStore());
    await init(empty, { spec });
    const places = empty.log.map(({ object }) => object);
    expect(places.slice(0, 2)).toEqual([`${PLATFORM},${LEDGER}`, formatRef(ledgerRef('root-key'))]);
    const phases = places.slice(1).map((place) => {
      if (place.includes('/palette-key-')) return 'ledger';
      return place === formatRef(RECORD) || place === formatRef(AUDIT) ? place : 'projections';
    });
    const order = phases.filter((phase, i) => phase !== phases[i - 1]);
    const opened = ['ledger', formatRef(RECORD)];
    expect(order).toEqual([...opened, ...opened, 'projections', formatRef(AUDIT), formatRef(RECORD)]);
  });

  test('says what it did, with the kids that are there now', async () => {
    const empty = memoryStore();
    const plan = await init(empty, { spec });
    const record = recordIn(empty.snapshot());
    expect(plan.installationId).toBe(record.installationId);
    expect(new Set(plan.steps.map(({ action }) => action))).toEqual(new Set(['create']));
    for (const { key, n, kid } of plan.steps.filter((step) => step.n !== undefined)) {
      expect([key, n, kid]).toEqual([key, 1, record.keys[key].versions[0].kid]);
    }
    expect(plan).toMatchObject({ changes: true, confirm: [] });
  });

  test('counts every phase up to its total', async () => {
    const events: ProgressEvent[] = [];
    const ports = { ...portsOn(memoryStore()), emit: (event: ProgressEvent) => events.push(event) };
    const input = inputOf({ spec });
    await reconcile(await planReconcile(input, ports), input, ports);
    for (const [phase, total] of [
      ['generate', 13],
      ['ledger', 9],
      ['projections', 11],
    ] as const) {
      const ofPhase = events.filter((event) => event.type === 'advanced' && event.phase === phase);
      expect(ofPhase.map((event) => event.type === 'advanced' && event.done)).toEqual(
        Array.from({ length: total }, (_, i) => i + 1),
      );
      expect(ofPhase.at(-1)).toMatchObject({ total });
    }
    expect(events.at(-1)).toEqual({ type: 'finished', phase: 'verify' });
  });

  test('appends one record to the audit log, which names every object', async () => {
    const [record, ...others] = auditIn(made);
    expect(others).toEqual([]);
    expect(record).toMatchObject({ user: 'tester', command: 'init', generation: 1, result: 'done', prev: null });
    const named = record.changes.map(({ object }: { object: string }) => object).sort();
    const there = made.objects.filter(({ ref }) => ref.kind === 'Secret' || ref.namespace !== LEDGER);
    expect(named).toEqual(there.map(({ ref }) => formatRef(ref)).sort());
  });

  test('shows no key byte anywhere but in the Secrets', async () => {
    const events: unknown[] = [];
    const empty = memoryStore();
    const ports = { ...portsOn(empty), emit: (event: ProgressEvent) => events.push(event) };
    const input = inputOf({ spec });
    const preview = await planReconcile(input, ports);
    const done = await reconcile(preview, input, ports);
    const secrets = secretsIn(empty.snapshot());
    expect(secrets.length).toBeGreaterThan(20);
    const shown = [preview, done, events, recordIn(empty.snapshot()), auditIn(empty.snapshot())].map((value) =>
      JSON.stringify(value),
    );
    const publicObjects = empty.snapshot().objects.filter(({ ref }) => ref.kind === 'ConfigMap');
    shown.push(...publicObjects.map((object) => Buffer.from(factsOf(object)).toString('utf8')));
    for (const object of publicObjects) {
      if (object.damage !== undefined) continue;
      shown.push(...Object.values(object.data).map((bytes) => Buffer.from(bytes).toString('latin1')));
    }
    expect(secrets.filter((canary) => shown.some((text) => text.includes(canary)))).toEqual([]);
  });
});

/** Every spelling of every secret of a store. */
function secretsIn(snapshot: Snapshot): readonly string[] {
  return snapshot.objects.flatMap((object) => {
    if (object.damage !== undefined || object.ref.kind !== 'Secret') return [];
    return Object.entries(object.data).flatMap(([name, bytes]) => {
      const text = Buffer.from(bytes).toString('latin1');
      if (name.endsWith('.pem') || name === 'tls.key') {
        const body = /PRIVATE KEY-----\n([^-]+)/.exec(text)?.[1] ?? '';
        // The first line of an RSA key is mostly what all of them begin with.
        return body.split('\n').filter((line, i) => line.length > 8 && (i > 0 || body.length < 200));
      }
      if (name === 'password' || name === 'keyfile') return [text];
      if (name !== 'key' && name !== 'salt') return [];
      return (['hex', 'base64', 'base64url', 'latin1'] as const).map((form) => Buffer.from(bytes).toString(form));
    });
  });
}

describe('a run with nothing to do', () => {
  test('writes nothing, and takes no lock', async () => {
    const other = await store.again().lock({ command: 'other', user: 'other', since: '' });
    const second = new FaultyStore(store);
    expect(await init(second)).toMatchObject({ changes: false, confirm: [] });
    expect(second.log).toEqual([]);
    await other.release();
  });

  test('does not care which tool version wrote the objects, nor in which generation', async () => {
    for (const { ref } of made.objects) {
      edit(store, ref, ({ annotations }) => ({
        annotations: {
          ...annotations,
          'palette-keys.dev/version': '9.9.9',
          ...('palette-keys.dev/generation' in annotations && { 'palette-keys.dev/generation': '7' }),
        },
      }));
    }
    expect(await init(store)).toMatchObject({ changes: false });
  });

  test('does not care how an address or a name list is written', async () => {
    const service = { name: 'auth', dnsNames: ['a.example.org', '*.b.example.org'] };
    const written = (ipAddresses: readonly string[], dnsNames = service.dnsNames) =>
      smallSpec({ serviceCertificates: { services: [{ ...service, dnsNames, ipAddresses }] } });
    await init(store, { spec: written(['2001:DB8:0::0001', '127.0.0.1']) });
    expect(await init(store)).toMatchObject({ changes: false });
    const otherwise = written(['127.0.0.1', '2001:db8::1'], service.dnsNames.toReversed());
    expect((await init(store, { spec: otherwise })).steps.every(({ action }) => action === 'keep')).toBe(true);
  });

  test('leaves what others added to an object alone', async () => {
    edit(store, ROOT, ({ labels, data }) => ({
      labels: { ...labels, team: 'blue' },
      data: { ...data, note: Buffer.from('mine') },
    }));
    const before = contents(store.snapshot());
    expect(await init(store)).toMatchObject({ changes: false });
    expect(contents(store.snapshot())).toEqual(before);
  });
});

describe('a run that changes something', () => {
  test('that restores one object of a complete installation says that it changed something', async () => {
    store.take(ROOT);
    const plan = await init(store);
    expect(plan.changes).toBe(true);
    const done = plan.steps.filter(({ action }) => action !== 'keep');
    expect(done.map(({ action, ref }) => [action, formatRef(ref)])).toEqual([['restore', formatRef(ROOT)]]);
  });

  test('keeps the labels, annotations and entries that others added to an object that it updates', async () => {
    edit(store, LEAF, ({ labels, annotations, data }) => ({
      labels: { ...labels, team: 'blue' },
      annotations: { ...annotations, 'example.org/note': 'mine' },
      data: { ...data, 'dh.pem': Buffer.from('theirs') },
    }));
    const wider = smallSpec({ serviceCertificates: { services: [{ name: 'auth', dnsNames: ['a.example.org'] }] } });
    await init(store, { spec: wider });
    const { labels, annotations, data } = objectIn(store.snapshot(), LEAF);
    expect(labels['team']).toBe('blue');
    expect(annotations).toMatchObject({ 'example.org/note': 'mine', 'palette-keys.dev/generation': '2' });
    expect(Buffer.from(data['dh.pem'] ?? []).toString()).toBe('theirs');
    expect(faultsOf(store.snapshot(), wider)).toEqual([]);
  });

  test('says that services will connect with TLS, where their own connection string lacked it', async () => {
    const named = storeWith(await installation(smallSpec({ mongodb: { uri: 'mongodb://db.example' } })));
    const auth = secret(PLATFORM, 'palette-mongodb-auth');
    editData(named, auth, ({ uri = '' }) => ({ uri: uri.replace('/?tls=true', '') }));
    const { steps } = await planReconcile(inputOf(), portsOn(named));
    expect(steps.filter(({ action }) => action !== 'keep')).toMatchObject([
      { ref: auth, action: 'update', reason: 'uri differs: services will connect with TLS' },
    ]);
  });

  test('raises the generation for a change of the spec alone', async () => {
    const other = smallSpec({ rotation: { minInterval: '48h' } });
    await init(store, { spec: other });
    expect(recordIn(store.snapshot())).toMatchObject({ generation: 2, ready: true, spec: other });
  });

  test('does not raise the generation for a restored projection', async () => {
    store.take(ROOT);
    await init(store);
    expect(recordIn(store.snapshot()).generation).toBe(1);
    expect(auditIn(store.snapshot())).toHaveLength(2);
  });

  test('gives the lock back when it is done, and when it fails', async () => {
    store.take(ROOT);
    await expect(init(new FaultyStore(store).failAt(1, 'before'))).rejects.toThrow('injected fault');
    const lock = await store.again().lock({ command: 'other', user: 'other', since: '' });
    await lock.release();
    await init(store);
    await expect(store.again().lock({ command: 'other', user: 'other', since: '' })).resolves.toBeDefined();
  });

  test('waits for nobody who holds the lock, and writes nothing', async () => {
    store.take(ROOT);
    await store.again().lock({ command: 'rotate', user: 'other', since: '2027-01-01T00:00:00Z' });
    const before = contents(store.snapshot());
    expect(await failureOf(init(store))).toMatchObject({ code: 'LOCK_HELD' });
    expect(contents(store.snapshot())).toEqual(before);
  });
});

test.each([
  ['as it should be', (): void => undefined],
  ['damaged', (): void => editData(store, ROOT, () => ({ kid: 'a'.repeat(16) }))],
])('an object that is %s and that somebody made immutable is refused in words, or left alone', async (_, harm) => {
  harm();
  edit(store, ROOT, () => ({ immutable: true }));
  const before = contents(store.snapshot());
  const ended = await endOf(init(store));
  expect(['done', 'REFUSED']).toContain(ended);
  expect(contents(store.snapshot())).toEqual(before);
});

describe('what nobody agreed to is not done', () => {
  test.each([
    [
      'another object was damaged',
      { damages: LEAF, intent: undefined },
      (other: MemoryStore) => other.damage(ROOT, 'it is torn'),
      {},
    ],
    [
      'another key is to be adopted',
      { damages: undefined, intent: { type: 'adopt' } as const },
      (other: MemoryStore) => transplant(other, secret(PLATFORM, 'palette-hash-salt'), foreign),
      { adopts: true },
    ],
    [
      'somebody else changed the spec',
      { damages: LEAF, intent: undefined },
      (other: MemoryStore) => init(other, { spec: smallSpec({ grpc: { dnsNames: ['b.example.org'] } }) }),
      { spec },
    ],
  ])('%s after the plan was made', async (_, { damages, intent }, meanwhile, more) => {
    if ('adopts' in more) transplant(store, ROOT, foreign);
    if (damages !== undefined) store.damage(damages, 'it is torn');
    let between: ReadonlyMap<string, string> = new Map();
    const run = init(store, {
      intent,
      ...('spec' in more && { spec: more.spec }),
      agreed: async () => {
        await meanwhile(store);
        between = contents(store.snapshot());
      },
    });
    expect(await failureOf(run)).toMatchObject({ code: 'CONFLICT' });
    expect(contents(store.snapshot())).toEqual(between);
  });

  test.each([
    ['while this one wrote its last key', 'write', 10],
    ['after this one wrote its last key', 'list', 3],
  ])('a change of the spec is not made over one that another run made %s', async (_, what, n) => {
    const empty = memoryStore();
    const other = smallSpec({ grpc: { dnsNames: ['b.example.org'] } });
    const lock = await empty.lock({ command: 'both', user: 'both', since: '' });
    const open = unlocked(empty);
    const meanwhile = async (): Promise<void> => {
      await init(open, { spec: other });
    };
    const disturbed = new FaultyStore(open).onWrite((write) =>
      what === 'write' && write.n === n ? meanwhile() : undefined,
    );
    let lists = 0;
    const watched = watching(disturbed, (name) => {
      lists += name === 'list' ? 1 : 0;
      return what === 'list' && name === 'list' && lists === n ? meanwhile() : undefined;
    });
    expect(await endOf(init(watched, { spec }))).toBe('CONFLICT');
    await lock.release();
    expect(faultsOf(empty.snapshot(), other)).toEqual([]);
  });
});

/** A store whose lock keeps nobody out, as after it was taken over. */
function unlocked(inner: KeyStore): KeyStore {
  return { ...methodsOf(inner), lock: async () => ({ release: async () => undefined }) };
}

function methodsOf(store: KeyStore): KeyStore {
  return {
    kind: store.kind,
    cluster: store.cluster,
    location: store.location,
    ledgerNamespaces: () => store.ledgerNamespaces(),
    list: (namespace, without) => store.list(namespace, without),
    get: (ref) => store.get(ref),
    create: (object) => store.create(object),
    replace: (object, version) => store.replace(object, version),
    remove: (ref, version) => store.remove(ref, version),
    missingNamespaces: (namespaces) => store.missingNamespaces(namespaces),
    addNamespaces: (namespaces) => store.addNamespaces(namespaces),
    leftovers: (search) => store.leftovers(search),
    lock: (holder) => store.lock(holder),
  };
}

describe('what somebody does past the program while a run is at work', () => {
  const wider = smallSpec({ mongodb: { members: 2 } });
  const GRPC = secret(PLATFORM, 'palette-grpc-tls');

  /** When it happens: before the n-th write, or before the n-th time that the run looks at the ledger. */
  type Moment = readonly [title: string, what: 'list' | 'write', n: number];
  const moments: readonly Moment[] = [
    ['before the run looks around under the lock', 'list', 2],
    ['before the run looks at what it made of the ledger', 'list', 3],
    ['before the run proves what it wrote', 'list', 4],
    ['before the first write', 'write', 1],
    ['before the second write', 'write', 2],
    ['before the third write', 'write', 3],
  ];

  /** A run that has a leaf to restore, objects to update and a record to write; says how it ended. */
  async function runWith([, what, n]: Moment, meanwhile: () => void): Promise<string> {
    store.take(LEAF);
    const disturbed = new FaultyStore(store).onWrite((write) => {
      if (what === 'write' && write.n === n) meanwhile();
    });
    let lists = 0;
    const watched = watching(disturbed, (name) => {
      lists += name === 'list' ? 1 : 0;
      if (what === 'list' && name === 'list' && lists === n) meanwhile();
    });
    return endOf(init(watched, { spec: wider }));
  }

  test.each(moments)('%s: a foreign key that is put into a projection is not overwritten', async (...moment) => {
    const ended = await runWith(moment, () => transplant(store, ROOT, foreign));
    expect(['REFUSED', 'CONFLICT']).toContain(ended);
    expect(objectIn(store.snapshot(), ROOT).data).toEqual(objectIn(foreign, ROOT).data);
  });

  test.each(moments)('%s: a foreign certificate that is put in is not overwritten', async (...moment) => {
    const ended = await runWith(moment, () => transplant(store, GRPC, foreign));
    expect(['REFUSED', 'CONFLICT']).toContain(ended);
    expect(objectIn(store.snapshot(), GRPC).data).toEqual(objectIn(foreign, GRPC).data);
  });

  test.each(moments)('%s: a damaged object that nobody agreed to write is not written unasked', async (...moment) => {
    const ended = await runWith(moment, () => store.damage(ROOT, 'it is torn'));
    expect(ended).toBe('CONFLICT');
    expect(store.snapshot().objects.find(({ ref }) => formatRef(ref) === formatRef(ROOT))).toHaveProperty('damage');
  });

  test.each(moments)('%s: a certificate that is deleted is made anew, or the run is told', async (...moment) => {
    const ended = await runWith(moment, () => store.take(GRPC));
    expect(['done', 'CONFLICT']).toContain(ended);
    await init(store, { spec: wider });
    expect(faultsOf(store.snapshot(), wider)).toEqual([]);
  });

  test.each(moments)('%s: a ledger entry that is deleted ends the run in words', async (...moment) => {
    const ended = await runWith(moment, () => store.take(ledgerRef('internal-ca')));
    expect(['REFUSED', 'CONFLICT']).toContain(ended);
  });

  test.each(moments)('%s: a record that is deleted is rebuilt, or the run is told', async (...moment) => {
    const ended = await runWith(moment, () => store.take(RECORD));
    expect(['done', 'CONFLICT']).toContain(ended);
    await init(store, { spec: wider });
    expect(faultsOf(store.snapshot(), wider)).toEqual([]);
  });

  /** A run that is about to write an object when something happens. */
  async function aboutToWrite(
    place: string,
    meanwhile: () => void | Promise<void>,
    options: RunOptions,
  ): Promise<string> {
    let once = true;
    const disturbed = new FaultyStore(unlocked(store)).onWrite(async ({ object }) => {
      if (object !== place || !once) return;
      once = false;
      await meanwhile();
    });
    return endOf(init(disturbed, options));
  }

  const AUTH = secret(PLATFORM, 'palette-mongodb-auth');

  test.each<readonly [string, (past: MemoryStore) => void, RunOptions]>([
    ['update', () => undefined, { spec: wider }],
    ['restore', (past) => past.damage(AUTH, 'it is torn'), {}],
    ['make again', (past) => past.take(AUTH), {}],
  ])('a foreign key is not overwritten that comes when the run is about to %s its object', async (_, harm, options) => {
    harm(store);
    await store.lock({ command: 'all', user: 'all', since: '' });
    const ended = await aboutToWrite(formatRef(AUTH), () => store.put(objectIn(foreign, AUTH)), options);
    expect(['REFUSED', 'CONFLICT']).toContain(ended);
    expect(objectIn(store.snapshot(), AUTH).data).toEqual(objectIn(foreign, AUTH).data);
  });

  test.each<readonly [string, (past: MemoryStore) => void]>([
    ['restore', (past) => past.damage(AUTH, 'it is torn')],
    ['make again', (past) => past.take(AUTH)],
  ])('what a newer run wrote stays, though this one was about to %s it', async (_, harm) => {
    harm(store);
    await store.lock({ command: 'all', user: 'all', since: '' });
    const newer = async (): Promise<void> => {
      await init(unlocked(store), { spec: wider });
    };
    expect(['done', 'CONFLICT']).toContain(await aboutToWrite(formatRef(AUTH), newer, {}));
    expect(objectIn(store.snapshot(), AUTH).annotations['palette-keys.dev/generation']).toBe('2');
    expect(faultsOf(store.snapshot(), wider)).toEqual([]);
  });

  test('what somebody else noted in the record stays, though this run was about to write it', async () => {
    const backups = [{ file: 'a.age', sha256: '0', at: '2027-01-02T00:00:00Z', recipients: ['age1x'] }];
    const note = (): void =>
      editRecord(store, (record) => {
        record.keys['root-key'].versions[0].backups = backups;
      });
    await store.lock({ command: 'all', user: 'all', since: '' });
    expect(await aboutToWrite(formatRef(RECORD), note, { spec: wider })).toBe('done');
    expect(recordIn(store.snapshot()).keys['root-key'].versions[0].backups).toEqual(backups);
    expect(faultsOf(store.snapshot(), wider)).toEqual([]);
  });

  test('the audit log keeps what another run appended when this one was about to', async () => {
    const line = (): void =>
      editData(store, AUDIT, (data) => ({ 'audit.jsonl': `${data['audit.jsonl']}{"prev":"other"}\n` }));
    await store.lock({ command: 'all', user: 'all', since: '' });
    expect(await aboutToWrite(formatRef(AUDIT), line, { spec: wider })).toBe('done');
    expect(auditIn(store.snapshot()).map(({ prev }) => prev)).toEqual([null, 'other', expect.any(String)]);
  });

  test('a run that ends after a newer record came does not call it ready', async () => {
    store.take(LEAF);
    await store.lock({ command: 'all', user: 'all', since: '' });
    // A newer run has written its record, and was killed then.
    const begun = async (): Promise<void> => {
      await endOf(init(new FaultyStore(unlocked(store)).killAt(2, 'before'), { spec: wider }));
    };
    const ended = await aboutToWrite(formatRef(LEAF), begun, { spec });
    expect(ended).toBe('CONFLICT');
    expect(recordIn(store.snapshot())).toMatchObject({ generation: 2, ready: false });
    await init(unlocked(store), { spec: wider });
    expect(faultsOf(store.snapshot(), wider)).toEqual([]);
  });

  test('a foreign key that is put in while the first keys are made is not overwritten', async () => {
    const empty = memoryStore();
    const disturbed = new FaultyStore(empty).onWrite(({ object }) => {
      if (object === formatRef(ledgerRef('cluster-ca'))) empty.put(objectIn(foreign, ROOT));
    });
    expect(['REFUSED', 'CONFLICT', 'TWO_INSTALLATIONS']).toContain(await endOf(init(disturbed, { spec })));
    expect(objectIn(empty.snapshot(), ROOT).data).toEqual(objectIn(foreign, ROOT).data);
  });
});

describe('an interrupt', () => {
  const interrupt = new PaletteKeysError('INTERRUPTED', 'ended by SIGINT', { hint: 'none' });

  async function within(ms: number, run: Promise<unknown>): Promise<unknown> {
    const late = new Promise((resolve) => {
      setTimeout(() => resolve(new Error('it still runs')), ms).unref();
    });
    const ended = run.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return Promise.race([ended, late]);
  }

  test('before the lock is taken ends the run, with nothing written', async () => {
    const empty = memoryStore();
    const controller = new AbortController();
    const run = init(empty, { spec, signal: controller.signal, agreed: () => controller.abort(interrupt) });
    expect(await within(2000, run)).toBe(interrupt);
    expect(empty.snapshot()).toEqual({ namespaces: [], objects: [] });
  });

  test('while the run looks around under the lock ends it, with nothing written', async () => {
    const empty = memoryStore();
    const controller = new AbortController();
    let locked = false;
    const watched = watching(empty, (name) => {
      if (locked && name === 'list') controller.abort(interrupt);
      locked ||= name === 'lock';
    });
    expect(await within(2000, init(watched, { spec, signal: controller.signal }))).toBe(interrupt);
    expect(empty.snapshot()).toEqual({ namespaces: [], objects: [] });
  });

  test('while keys are made ends the run at once, and a second run completes it', async () => {
    const empty = memoryStore();
    const controller = new AbortController();
    const run = init(empty, { spec, signal: controller.signal, agreed: () => void setTimeout(abort, 20) });
    function abort(): void {
      controller.abort(interrupt);
    }
    expect(await within(2000, run)).toBe(interrupt);
    await init(empty, { spec });
    expect(faultsOf(empty.snapshot(), spec)).toEqual([]);
  });
});

describe('an audit log that cannot be continued', () => {
  const other = smallSpec({ grpc: { dnsNames: ['a.example.org'] } });

  test.each([
    ['is damaged', (past: MemoryStore) => past.damage(AUDIT, 'it is torn')],
    ['has lost its entry', (past: MemoryStore) => editData(past, AUDIT, () => ({ 'audit.jsonl': undefined }))],
    ['is not text', (past: MemoryStore) => editData(past, AUDIT, () => ({ 'audit.jsonl': Uint8Array.of(0xff, 10) }))],
  ])('because it %s refuses the run before anything is written', async (_, harm) => {
    harm(store);
    const before = contents(store.snapshot());
    expect(await failureOf(init(store, { spec: other }))).toMatchObject({ code: 'REFUSED' });
    expect(contents(store.snapshot())).toEqual(before);
  });

  test('because it is gone is begun anew', async () => {
    store.take(AUDIT);
    await init(store, { spec: other });
    // It names the line that is gone.
    const prev = recordIn(made).audit.digest;
    expect(auditIn(store.snapshot())).toMatchObject([{ generation: 2, prev }]);
  });

  test('does not stand in the way of a run that has nothing to do', async () => {
    store.damage(AUDIT, 'it is torn');
    expect(await init(store)).toMatchObject({ changes: false });
  });
});

describe('a lost record', () => {
  const elsewhere = { ...smallSpec(), namePrefix: 'acme-' };

  test('is rebuilt as it was', async () => {
    store.take(RECORD);
    await init(store, { spec });
    const audit = { ...recordIn(store.snapshot()).audit, lines: 2 };
    expect(recordIn(store.snapshot())).toEqual({ ...recordIn(made), audit });
  });

  test.each([
    ['without a spec, where the lost one had another namePrefix', { namePrefix: 'acme-' }],
    ['without a spec, where the lost one had another ledgerNamespace', { ledgerNamespace: 'vault' }],
    ['without a spec, where the lost one had another namespace', { namespace: 'acme' }],
    [
      'without a spec, where the lost one had all three',
      { namePrefix: 'a-', ledgerNamespace: 'vault', namespace: 'b' },
    ],
  ])('never leads to a second root key %s', async (_, fixed) => {
    const other = smallSpec(fixed);
    const custom = storeWith(await installation(other));
    custom.take({ ...RECORD, namespace: other.ledgerNamespace });
    const rootKeys = (): readonly string[] =>
      custom
        .snapshot()
        .objects.map(({ ref }) => formatRef(ref))
        .filter((place) => /key-root-key-v|root-key$/.test(place));
    const before = rootKeys();
    await init(custom).catch((error: unknown) => expect(error).toBeInstanceOf(PaletteKeysError));
    expect(rootKeys()).toEqual(before);
    expect(await custom.ledgerNamespaces()).toEqual([other.ledgerNamespace]);
    // With its own spec it is rebuilt.
    await init(custom, { spec: other });
    expect(await init(custom)).toMatchObject({ changes: false });
  });

  test('never leads to a second root key under another namePrefix that is asked for', async () => {
    store.take(RECORD);
    const before = contents(store.snapshot());
    const renamed = smallSpec({ namePrefix: elsewhere.namePrefix });
    expect(await failureOf(init(store, { spec: renamed }))).toMatchObject({ code: 'REFUSED' });
    expect(contents(store.snapshot())).toEqual(before);
  });
});

describe('time', () => {
  test('that has passed the end of a CA does not make init write certificates that have expired already', async () => {
    const clock = new ManualClock();
    clock.advance(3651 * 86_400);
    const before = contents(store.snapshot());
    const watched = new FaultyStore(store);
    const ended = await init(watched, { clock }).then(
      ({ findings }) => findings.map(({ code }) => code),
      (error: unknown) => [error instanceof PaletteKeysError ? error.code : String(error)],
    );
    expect(ended).not.toContain('CONFLICT');
    expect(watched.log).toEqual([]);
    expect(contents(store.snapshot())).toEqual(before);
  });

  test('that has passed the end of the leaves alone makes init issue them anew', async () => {
    const clock = new ManualClock();
    clock.advance(366 * 86_400);
    const plan = await init(store, { clock });
    const done = plan.steps.filter(({ action }) => action !== 'keep').map(({ ref }) => ref.name);
    expect(done).toEqual(['palette-auth-tls', 'palette-mongodb-tls', 'palette-grpc-tls', 'palette-message-bus-tls']);
    expect(faultsOf(store.snapshot(), spec)).toEqual([]);
    expect(await init(store, { clock })).toMatchObject({ changes: false });
  });

  test('that goes backwards changes nothing', async () => {
    const clock = new ManualClock();
    clock.advance(-3600);
    expect(await init(store, { clock })).toMatchObject({ changes: false });
  });
});

describe('an adoption into a store without a ledger', () => {
  /** What is left: keys that can be taken in, and nothing that was issued by a lost CA. */
  function orphaned(): MemoryStore {
    const left = ['root-key', 'hash-salt', 'jwt-signing-key', 'mongodb-auth', 'jwks'].map((name) => `palette-${name}`);
    for (const { ref } of made.objects) if (!left.includes(ref.name)) store.take(ref);
    return store;
  }

  test('takes the keys in, under the installation that they name', async () => {
    const before = objectIn(made, ROOT);
    await init(orphaned(), { spec, intent: { type: 'adopt' } });
    expect(faultsOf(store.snapshot(), spec)).toEqual([]);
    expect(objectIn(store.snapshot(), ROOT).data).toEqual(before.data);
    expect(recordIn(store.snapshot()).installationId).toBe(recordIn(made).installationId);
  });

  test('writes the root key first', async () => {
    const watched = new FaultyStore(orphaned());
    await init(watched, { spec, intent: { type: 'adopt' } });
    const creates = watched.log.filter(({ operation }) => operation === 'create');
    expect(creates[0]?.object).toBe(formatRef(ledgerRef('root-key')));
  });
});

describe('a ledger object that has lost its labels', () => {
  test.each([
    ['a key', ledgerRef('hash-salt')],
    ['the root key', ledgerRef('root-key')],
    ['the record', RECORD],
  ])('%s is not taken for another run that is at work', async (_, ref) => {
    edit(store, ref, () => ({ labels: {} }));
    const before = ledgerFacts(store.snapshot());
    const ended = await endOf(init(store, { spec }));
    expect(['done', 'REFUSED']).toContain(ended);
    expect(ledgerFacts(store.snapshot())).toEqual(before);
  });
});

describe('generations', () => {
  test('what was computed from an older record is never marked as computed from a newer one', async () => {
    store.take(ROOT);
    const wider = smallSpec({ mongodb: { members: 2 } });
    const lock = await store.lock({ command: 'both', user: 'both', since: '' });
    const open = unlocked(store);
    const seen: string[] = [];
    let once = true;
    // Between this run's write of the record and its look at what it wrote, a newer record comes.
    const disturbed = new Proxy<KeyStore>(open, {
      get: (target, name) => {
        const value = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return async (...given: never[]) => {
          const result = await Reflect.apply(value, target, given);
          if (name === 'replace' && result === 'replaced' && once) {
            once = false;
            const record = recordIn(store.snapshot());
            const newer = { ...record, generation: 3, spec: smallSpec({ mongodb: { members: 3 } }), ready: false };
            editData(store, RECORD, () => ({ 'record.json': `${JSON.stringify(newer, undefined, 2)}\n` }));
          } else if (name === 'create' || name === 'replace') {
            const [object] = given as unknown as [{ annotations: Record<string, string>; ref: { name: string } }];
            seen.push(`${object.ref.name} ${object.annotations['palette-keys.dev/generation'] ?? ''}`);
          }
          return result;
        };
      },
    });
    expect(await failureOf(init(disturbed, { spec: wider }))).toMatchObject({ code: 'CONFLICT' });
    await lock.release();
    expect(seen.filter((write) => write.endsWith(' 3'))).toEqual([]);
    expect(recordIn(store.snapshot())).toMatchObject({ generation: 3, ready: false });
  });

  test.each([1, 2, 3])(
    'a run never puts an older one over a newer one, whichever of its looks (%i) is torn by a newer run',
    async (look) => {
      const auth = secret(PLATFORM, 'palette-mongodb-auth');
      const wider = smallSpec({ mongodb: { members: 2 } });
      store.damage(auth, 'it is torn');
      await store.lock({ command: 'all', user: 'all', since: '' });
      const open = unlocked(store);
      const generation = (): number => {
        const found = store.snapshot().objects.find(({ ref }) => formatRef(ref) === formatRef(auth));
        return found?.damage === undefined ? Number(found?.annotations['palette-keys.dev/generation']) : 0;
      };
      let looks = 0;
      const older: string[] = [];
      // The run has read the record; before it reads this object, another run changes both.
      const torn: KeyStore = {
        ...methodsOf(open),
        get: async (ref) => {
          looks += formatRef(ref) === formatRef(auth) ? 1 : 0;
          if (looks === look && formatRef(ref) === formatRef(auth)) {
            looks += 1;
            await init(open, { spec: wider });
          }
          return open.get(ref);
        },
        replace: async (object, version) => {
          const before = generation();
          const result = await open.replace(object, version);
          if (formatRef(object.ref) === formatRef(auth) && generation() < before)
            older.push(`${before} → ${generation()}`);
          return result;
        },
      };
      expect(['done', 'CONFLICT']).toContain(await endOf(init(torn)));
      expect(older).toEqual([]);
      expect(generation()).toBe(2);
      await init(open);
      expect(faultsOf(store.snapshot(), wider)).toEqual([]);
    },
  );

  test('a newer annotation without a newer record is false, and overwritten', async () => {
    edit(store, ROOT, ({ annotations, data }) => ({
      annotations: { ...annotations, 'palette-keys.dev/generation': '99' },
      data: { ...data, kid: Buffer.from('aaaaaaaaaaaaaaaa') },
    }));
    await init(store);
    expect(faultsOf(store.snapshot(), spec)).toEqual([]);
    expect(objectIn(store.snapshot(), ROOT).annotations['palette-keys.dev/generation']).toBe('1');
  });
});
