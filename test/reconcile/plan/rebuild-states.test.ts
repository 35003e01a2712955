// Covers: src/reconcile/plan/next-record.ts

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PaletteKeysError } from '../../../src/errors.ts';
import type { LedgerEntry } from '../../../src/ledger/entry.ts';
import type { State } from '../../../src/ledger/ring.ts';
import { formatRef } from '../../../src/ports/object-ref.ts';
import { statesFrom } from '../../../src/reconcile/plan/rebuild-states.ts';
import { rotate, statesOf } from '../../rotation/bed.ts';
import { ManualClock, START } from '../../support/clock.ts';
import {
  AUDIT,
  editData,
  editRecord,
  factsOf,
  init,
  installation,
  ledgerFacts,
  ledgerRef,
  objectIn,
  PLATFORM,
  RECORD,
  recordIn,
  secret,
  smallSpec,
  storeWith,
  transplant,
} from '../../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../../support/memory-store.ts';
import { RsaPool } from '../../support/random.ts';
import { faultsOf } from '../checker.ts';

const TIME = START;
const LATER = '2027-02-01T00:00:00Z';
const pool = new RsaPool();
/** The first is the installation; keys of the others become its further versions. */
let made: readonly Snapshot[];
let store: MemoryStore;

beforeAll(async () => {
  pool.install();
  made = [];
  for (let i = 0; i < 4; i++) made = [...made, await installation()];
});

afterAll(() => pool.uninstall());

beforeEach(() => {
  store = storeWith(made[0] ?? memoryStore().snapshot());
});

/** Gives a kind versions in these states; the keys are those of as many installations, the first version's is ours. */
async function giveVersions(kind: string, states: readonly State[], spec = smallSpec()): Promise<void> {
  const { labels } = objectIn(store.snapshot(), ledgerRef(kind));
  const kids = states.map((_, i) => {
    const theirs = objectIn(made[i] ?? memoryStore().snapshot(), ledgerRef(kind));
    if (i > 0) store.put({ ...theirs, labels, ref: ledgerRef(kind, i + 1) });
    return Buffer.from(theirs.data['kid'] ?? []).toString();
  });
  editRecord(store, (record) => {
    const [first] = record.keys[kind].versions;
    record.keys[kind].versions = states.map((state, i) => ({
      ...first,
      n: i + 1,
      kid: kids[i],
      state,
      createdAt: TIME,
    }));
    record.generation += 1;
    record.ready = false;
  });
  await init(store, { spec });
  expect(faultsOf(store.snapshot(), spec, { [kind]: states.length })).toEqual([]);
}

/** State and kid of every version that the record has. */
function states(kind: string): readonly (readonly [number, string, string])[] {
  return recordIn(store.snapshot()).keys[kind].versions.map(({ n, kid, state }: never) => [n, kid, state]);
}

const refusal = async (): Promise<unknown> =>
  init(store, { spec: smallSpec() }).then(
    () => 'done',
    (error: unknown) => (error instanceof PaletteKeysError ? [error.code, error.details[0]?.message] : error),
  );

describe('the record of a plain installation', () => {
  test('is rebuilt as it was', async () => {
    store.take(RECORD);
    await init(store, { spec: smallSpec(), clock: new ManualClock(LATER) });
    const audit = { ...recordIn(store.snapshot()).audit, lines: 2 };
    expect(recordIn(store.snapshot())).toEqual({ ...recordIn(made[0] ?? store.snapshot()), audit });
  });

  test('is rebuilt as it was, also where every projection is lost with it', async () => {
    const lost = (made[0]?.objects ?? []).filter(({ ref }) => ref.namespace === PLATFORM);
    for (const { ref } of [...lost, { ref: RECORD }]) store.take(ref);
    await init(store, { spec: smallSpec(), clock: new ManualClock(LATER) });
    const audit = { ...recordIn(store.snapshot()).audit, lines: 2 };
    expect(recordIn(store.snapshot())).toEqual({ ...recordIn(made[0] ?? store.snapshot()), audit });
  });

  test('goes on from the newest generation that a projection tells of', async () => {
    await init(store, { spec: smallSpec({ mongodb: { members: 2 } }) });
    store.take(RECORD);
    await init(store, { spec: smallSpec({ mongodb: { members: 2 } }) });
    expect(recordIn(store.snapshot()).generation).toBe(2);
  });
});

describe('states that a keyring tells are rebuilt:', () => {
  test.each<readonly [string, readonly State[]]>([
    ['before a change', ['active', 'published']],
    ['after a change', ['trusted', 'active']],
    ['after a change that was taken back', ['active', 'trusted']],
    ['in the midst of two', ['retired', 'trusted', 'active', 'published']],
    ['with one that is long out of use', ['retired', 'active']],
  ])('%s', async (_, given) => {
    for (const kind of ['root-key', 'hash-salt']) {
      store = storeWith(made[0] ?? store.snapshot());
      await giveVersions(kind, given);
      const before = states(kind);
      store.take(RECORD);
      await init(store, { spec: smallSpec() });
      expect(states(kind)).toEqual(before);
      expect(faultsOf(store.snapshot(), smallSpec(), { [kind]: given.length })).toEqual([]);
    }
  });

  test.each<readonly [string, readonly State[]]>([
    ['before a change', ['active', 'published']],
    ['after a change', ['trusted', 'active']],
    ['with one that is out of use', ['retired', 'trusted', 'active']],
  ])('those of a JWT key, by its JWK Set, %s', async (_, given) => {
    await giveVersions('jwt-signing-key', given);
    const before = states('jwt-signing-key');
    store.take(RECORD);
    await init(store, { spec: smallSpec(), clock: new ManualClock(LATER) });
    expect(states('jwt-signing-key')).toEqual(before);
  });

  test('the time in a state begins anew, for nobody knows it', async () => {
    await giveVersions('root-key', ['trusted', 'active']);
    store.take(RECORD);
    await init(store, { spec: smallSpec(), clock: new ManualClock(LATER) });
    for (const { since, history } of recordIn(store.snapshot()).keys['root-key'].versions) {
      expect(since).toBe(LATER);
      expect(history).toEqual([expect.objectContaining({ at: LATER })]);
    }
  });
});

describe('states that nothing tells, or that are disputed, are refused:', () => {
  const ROOT = secret(PLATFORM, 'palette-root-key');
  const refused = (kind: string) => [
    'REFUSED',
    expect.stringMatching(`^RECORD_NOT_REBUILDABLE .*versions of ${kind} is active`),
  ];

  test.each<readonly [string, (past: MemoryStore) => void]>([
    ['its projection is gone', (past) => past.take(ROOT)],
    ['its projection cannot be read', (past) => past.damage(ROOT, 'it is torn')],
    ['its projection contradicts itself', (past) => editData(past, ROOT, () => ({ kid: 'a'.repeat(16) }))],
    [
      'its projection has an active key that the ledger does not know',
      (past) => transplant(past, ROOT, made[3] ?? past.snapshot()),
    ],
  ])('of two root keys where %s', async (_, change) => {
    await giveVersions('root-key', ['trusted', 'active']);
    store.take(RECORD);
    change(store);
    const before = store.snapshot().objects.map((object) => `${formatRef(object.ref)} ${factsOf(object)}`);
    expect(await refusal()).toEqual(refused('root-key'));
    expect(store.snapshot().objects.map((object) => `${formatRef(object.ref)} ${factsOf(object)}`)).toEqual(before);
  });

  test.each(['internal-ca', 'cluster-ca', 'message-bus-signing-key'])('of two versions of %s', async (kind) => {
    await giveVersions(kind, ['trusted', 'active']);
    store.take(RECORD);
    expect(await refusal()).toEqual(refused(kind));
  });

  test('the ledger stays as it is', async () => {
    await giveVersions('root-key', ['trusted', 'active']);
    const before = ledgerFacts(store.snapshot());
    store.take(RECORD);
    store.take(ROOT);
    await refusal();
    expect(ledgerFacts(store.snapshot())).toEqual(before);
  });
});

describe('the states of versions', () => {
  const entry = (n: number, kid: string): LedgerEntry => ({
    kind: 'root-key',
    n,
    createdAt: TIME,
    material: { alg: 'A256GCM', entries: {} },
    facts: { kid },
  });
  const held = (kid: string, state?: State) => ({
    ref: secret(PLATFORM, 'palette-root-key'),
    key: { kind: 'root-key' as const, kid, state, material: undefined },
  });

  test.each<
    readonly [
      string,
      ReturnType<typeof entry>[],
      ReturnType<typeof held>[],
      readonly (readonly [number, State])[] | undefined,
    ]
  >([
    ['of none are none', [], [], []],
    ['of a lone one are active', [entry(1, 'a')], [], [[1, 'active']]],
    ['of a lone one are active, whatever a projection says', [entry(2, 'a')], [held('a', 'trusted')], [[2, 'active']]],
    ['of two that nobody mentions are unknown', [entry(1, 'a'), entry(2, 'b')], [], undefined],
    [
      'of two that are mentioned without states are unknown',
      [entry(1, 'a'), entry(2, 'b')],
      [held('a'), held('b')],
      undefined,
    ],
    [
      'of two that are both said to be active are unknown',
      [entry(1, 'a'), entry(2, 'b')],
      [held('a', 'active'), held('b', 'active')],
      undefined,
    ],
    [
      'of which a stranger is active are unknown',
      [entry(1, 'a'), entry(2, 'b')],
      [held('a', 'trusted'), held('c', 'active')],
      undefined,
    ],
    [
      'are as they are said to be',
      [entry(1, 'a'), entry(2, 'b'), entry(3, 'c')],
      [held('b', 'active'), held('a', 'published'), held('c', 'trusted')],
      [
        [1, 'published'],
        [2, 'active'],
        [3, 'trusted'],
      ],
    ],
    [
      'that are only mentioned follow from their order',
      [entry(1, 'a'), entry(2, 'b'), entry(3, 'c'), entry(4, 'd')],
      [held('a'), held('b', 'active'), held('b'), held('c')],
      [
        [1, 'trusted'],
        [2, 'active'],
        [3, 'published'],
        [4, 'retired'],
      ],
    ],
  ])('%s', (_, entries, mentions, expected) => {
    const found = statesFrom(entries, mentions);
    expect(found === undefined ? undefined : [...found]).toEqual(expected);
  });
});

describe('a number of a destroyed version', () => {
  const JWT = 'jwt-signing-key';
  /** Publishes v2, gives it up and destroys it; its kid. */
  async function destroySecond(clock: ManualClock): Promise<string> {
    await rotate(store, JWT, { clock, again: true });
    const { kid } = recordIn(store.snapshot()).keys[JWT].versions[1];
    await rotate(store, JWT, { clock, request: { type: 'rollback' } });
    await rotate(store, JWT, { clock, request: { type: 'destroy', kid } });
    return kid;
  }

  test('does not come again where the record is lost: the audit log tells of it', async () => {
    const clock = new ManualClock(LATER);
    const kid = await destroySecond(clock);
    store.take(RECORD);
    await init(store, { clock });
    const rebuilt = { n: 2, kid, state: 'destroyed', createdAt: LATER, since: LATER };
    expect(recordIn(store.snapshot()).keys[JWT].versions).toMatchObject([{ n: 1, state: 'active' }, rebuilt]);
    expect((await init(store, { clock })).changes).toBe(false);
    await rotate(store, JWT, { clock, again: true });
    expect(statesOf(store, JWT)).toBe('v1 active, v2 destroyed, v3 published');
  });

  test.each(['audit-archive', 'audit'])(
    'is told by a log that was full (%s), too, and by no line that is none of ours',
    async (kind) => {
      const clock = new ManualClock(LATER);
      await destroySecond(clock);
      const log = objectIn(store.snapshot(), AUDIT);
      const labels = { ...log.labels, 'palette-keys.dev/kind': kind };
      store.put({ ...log, labels, ref: { ...AUDIT, name: 'palette-keys-audit-1' } });
      const lies = ['x', 'x'.repeat(16)].map((kid) => ({
        ...{ action: 'destroyed', key: JWT, kid },
        object: kid === 'x' ? formatRef(ledgerRef(JWT, 8)) : 'Secret/a/other',
      }));
      const line = JSON.stringify({ time: LATER, generation: 9, prev: null, changes: [...lies, 7, { action: 1 }] });
      editData(store, AUDIT, () => ({ 'audit.jsonl': Buffer.from(`no record\n7\n${line}\n`) }));
      store.take(RECORD);
      await init(store, { clock }).catch(() => undefined);
      expect(statesOf(store, JWT)).toBe('v1 active, v2 destroyed');
    },
  );
});
