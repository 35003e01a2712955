// Covers: src/ledger/noted-times.ts, src/reconcile/clock/, src/reconcile/plan/findings/clock.ts
// Covers: src/reconcile/plan/judge-clock.ts

/** Clocks that are wrong: every command that dates something checks them, and --accept-clock goes past it, once. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Cluster } from '../../../src/ports/cluster.ts';
import type { KeyStore } from '../../../src/ports/key-store.ts';
import { type BenchOptions, backupOf, command, commandWell, Files, FOR, filesWith, WITH } from '../../backup/bench.ts';
import { ManualClock } from '../../support/clock.ts';
import { auditIn, editRecord, inFormerSchema, installation, recordIn, storeWith } from '../../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../../support/memory-store.ts';
import { RsaPool } from '../../support/random.ts';

const pool = new RsaPool();
let made: Snapshot;
/** Made in 2027, and then changed by every kind of run in 2031. */
let poisoned: Snapshot;
let mark: ReturnType<RsaPool['mark']>;
let store: MemoryStore;

const NOW = '2027-06-01T12:00:00Z';
const AHEAD = '2031-03-04T05:06:07Z';
const at = (time = NOW): BenchOptions => ({ clock: new ManualClock(time), files: new Files() });

/** Every command that dates something, as far as it needs no database. */
const DATED: Readonly<Record<string, readonly string[]>> = {
  init: ['init'],
  'rotate internal-ca': ['rotate', 'internal-ca', '--again', '--yes'],
  'rotate jwt-signing-key': ['rotate', 'jwt-signing-key', '--again', '--yes'],
  'rotate service-certificates': ['rotate', 'service-certificates', '--again', '--yes'],
  'rotate --due': ['rotate', '--due', '--yes'],
  csr: ['csr', '--fqdn', 'palette.example.org'],
  backup: ['backup', '--out', 'b.age', ...FOR],
};

beforeAll(async () => {
  pool.install();
  made = await installation();
  store = storeWith(made);
  for (const argv of [DATED['rotate internal-ca'], DATED['rotate jwt-signing-key'], DATED['backup']]) {
    await command(store, argv ?? [], at(AHEAD));
  }
  poisoned = store.snapshot();
  mark = pool.mark();
});

afterAll(() => pool.uninstall());

beforeEach(() => {
  pool.rewind(mark);
  store = storeWith(made);
});

/** The last line of a hint, without its program. */
const commandIn = (stderr: string): string[] => (stderr.trimEnd().split('\n').at(-1) ?? '').split(' ').slice(1);

describe.each(Object.entries(DATED))('%s', (_, argv) => {
  test.each([
    ['before the newest time in the record', '2020-01-01T00:00:00Z', made2027],
    ['before times that a run with a clock of 2031 noted', NOW, () => poisoned],
  ])('is refused by a clock %s, with both times and the command that accepts it', async (_, time, from) => {
    store = storeWith(from());
    const before = store.snapshot();
    const { code, stderr } = await command(store, argv, at(time));
    expect(code).toBe(1);
    expect(stderr).toContain(`the clock says ${time}, but the newest time in the record is `);
    expect(commandIn(stderr)).toEqual([...argv, '--accept-clock', time]);
    expect(store.snapshot()).toEqual(before);
    const accepted = await command(store, commandIn(stderr), at(time));
    expect([0, 6], accepted.stderr).toContain(accepted.code);
    expect(auditIn(store.snapshot()).map(({ changes }) => changes[0]?.action)).toContain('accept-clock');
    expect([0, 6]).toContain((await command(store, argv, at(time))).code);
  });

  test('is only warned where it is a rehearsal', async () => {
    store = storeWith(poisoned);
    const before = store.snapshot();
    for (const flags of [[], ['--accept-clock', NOW]]) {
      const { stderr } = await command(store, [...argv, '--dry-run', ...flags], at());
      expect(stderr.includes('warning: the clock says')).toBe(flags.length === 0);
    }
    expect(store.snapshot()).toEqual(before);
  });

  test.each(['2027-06-01T12:05:01Z', '2027-06-01T11:54:59Z', 'now', '2027-06-01', ''])(
    'takes no --accept-clock %j, which is not within five minutes of the clock',
    async (time) => {
      const before = store.snapshot();
      const { code } = await command(store, [...argv, '--accept-clock', time], at());
      expect(code).toBe(2);
      expect(store.snapshot()).toEqual(before);
    },
  );

  test('is refused by a clock that is not the API server’s, unless it is accepted', async () => {
    const clusters = onCluster(store, '2027-06-01T12:05:01Z');
    const before = store.snapshot();
    const { code, stderr } = await command(clusters, argv, at());
    // What has nothing to do asks nobody.
    if (['init', '--due'].some((word) => argv.includes(word))) return expect(code).toBe(0);
    expect(code).toBe(1);
    expect(stderr).toContain("it is 301 s behind the cluster's, which says 2027-06-01T12:05:01Z");
    expect(store.snapshot()).toEqual(before);
    expect([0, 6]).toContain((await command(clusters, commandIn(stderr), at())).code);
    expect([0, 6]).toContain((await command(onCluster(store, '2027-06-01T12:05:00Z'), argv, at())).code);
  });
});

function made2027(): Snapshot {
  return made;
}

/** The store with a cluster of which the clock alone is asked, and everything is allowed. */
function onCluster(inner: MemoryStore, time: string): KeyStore {
  const cluster: Partial<Cluster> = {
    version: async () => 'v1.35.0',
    now: async () => new Date(time),
    denied: async () => [],
    tryWrite: async () => undefined,
    user: async () => 'tester',
    event: async () => undefined,
  };
  return new Proxy(inner, {
    get: (target, name) => {
      if (name === 'cluster') return cluster;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  }) as unknown as KeyStore;
}

describe('a run with a clock of 2031', () => {
  test('is named by status with both ways out, and init accepts the right clock as printed', async () => {
    store = storeWith(poisoned);
    const shown = await command(store, ['status', '-o', 'json'], at());
    const { findings } = JSON.parse(shown.stdout);
    const found = findings.find(({ code }: { code: string }) => code === 'CLOCK_BEHIND_RECORD');
    expect(shown).toMatchObject({ code: 3, stderr: '' });
    expect(found.remedy).toContain('set the clock');
    const printed = found.remedy.slice(found.remedy.indexOf('palette-keys init')).split(' ').slice(1);
    await commandWell(store, printed, at());
    const after = JSON.parse((await command(store, ['status', '-o', 'json'], at())).stdout);
    expect(after.findings.map(({ code }: { code: string }) => code)).not.toContain('CLOCK_BEHIND_RECORD');
  });

  const word = (): string => `--assume-consumers-current=${recordIn(store.snapshot()).generation}`;

  test('leaves no time behind that keeps a gate closed: a month later every kind rotates', async () => {
    store = storeWith(poisoned);
    await commandWell(store, ['init', '--accept-clock', NOW], at());
    const { clock, keys, createdAt } = recordIn(store.snapshot());
    expect(clock.acceptedAt).toBe(NOW);
    expect(clock.ignored).toEqual([AHEAD]);
    expect(createdAt).toBe(recordIn(made).createdAt);
    const { createdAt: _, ...rest } = keys['internal-ca'].versions.at(-1);
    expect(JSON.stringify(rest)).not.toContain('"2031');
    for (const time of ['2027-07-01', '2027-07-03', '2027-07-05', '2027-07-07'].map((day) => `${day}T00:00:00Z`)) {
      for (const kind of ['internal-ca', 'jwt-signing-key', 'grpc-tls', 'root-key', 'cluster-ca']) {
        const argv = ['rotate', kind, '--yes', word(), '--no-tenant-store'];
        const flags = kind.endsWith('tls') ? ['--again'] : [];
        const { code, stderr } = await command(store, [...argv, ...flags], at(time));
        expect([0, 6], stderr).toContain(code);
        expect(stderr).not.toContain('2031');
      }
    }
    const status = await command(store, ['status', '-o', 'json'], at('2027-07-09T00:00:00Z'));
    const errors = JSON.parse(status.stdout).findings.filter(
      ({ severity }: { severity: string }) => severity === 'error',
    );
    expect(errors.map(({ code, subject }: { code: string; subject: string }) => `${code} ${subject}`)).toEqual([]);
  });

  test('opens no gate earlier: waits begin at the acceptance', async () => {
    store = storeWith(poisoned);
    await commandWell(store, ['init', '--accept-clock', NOW], at());
    const states = () => recordIn(store.snapshot()).keys['jwt-signing-key'].versions.map(({ state }: never) => state);
    expect(states()).toEqual(['active', 'published']);
    const argv = ['rotate', 'jwt-signing-key', '--yes', word()];
    expect((await command(store, argv, at())).code).toBe(6);
    expect((await command(store, argv, at('2027-06-01T12:14:59Z'))).code).toBe(6);
    expect(states()).toEqual(['active', 'published']);
    await command(store, argv, at('2027-06-01T12:15:00Z'));
    expect(states()).toEqual(['trusted', 'active']);
  });

  test('is accepted on a record of schemaVersion 2 by any command, and the record keeps that schema', async () => {
    store = storeWith(poisoned);
    editRecord(store, (record) => inFormerSchema(record, 2));
    await commandWell(store, [...(DATED['backup'] ?? []), '--accept-clock', NOW], at());
    expect(recordIn(store.snapshot())).toMatchObject({ schemaVersion: 2, clock: { acceptedAt: NOW } });
    await commandWell(store, DATED['backup'] ?? [], at());
  });

  test('is not accepted on a record of schemaVersion 1 but by init --yes, which migrates it', async () => {
    store = storeWith(poisoned);
    editRecord(store, ({ audit: _, ...record }) => inFormerSchema(record, 1));
    const before = store.snapshot();
    for (const flags of [[], ['--accept-clock', NOW]]) {
      for (const argv of [DATED['backup'] ?? [], DATED['csr'] ?? [], ['init']]) {
        const { code, stderr } = await command(store, [...argv, ...flags], at());
        expect(code).toBe(1);
        expect(commandIn(stderr)).toEqual(['init', '--accept-clock', NOW, '--yes']);
        expect(store.snapshot()).toEqual(before);
      }
    }
    await commandWell(store, ['init', '--accept-clock', NOW, '--yes'], at());
    expect(recordIn(store.snapshot())).toMatchObject({ schemaVersion: 3, clock: { acceptedAt: NOW } });
    await commandWell(store, DATED['backup'] ?? [], at());
  });
});

describe('restore', () => {
  test('of a backup that is newer than the clock is refused before anything is written, unless it is accepted', async () => {
    const files = filesWith(await backupOf(poisoned, { clock: new ManualClock(AHEAD) }));
    store = memoryStore();
    const argv = ['restore', 'b.age', ...WITH, '--yes'];
    const run = (words: readonly string[]) => command(store, words, { ...at(), files });
    const { code, stderr } = await run(argv);
    expect(code).toBe(1);
    expect(stderr).toContain('which is in the backup');
    expect(store.snapshot().objects).toEqual([]);
    expect(await run(commandIn(stderr))).toMatchObject({ code: 0 });
    expect(recordIn(store.snapshot()).clock.acceptedAt).toBe(NOW);
    await commandWell(store, ['init'], at());
  });
});

test('a clock before the release is refused by every command that dates something, and warns the others', async () => {
  const early = '1969-12-31T23:54:59Z';
  const before = store.snapshot();
  for (const argv of [...Object.values(DATED), ['restore', 'b.age', ...WITH], ['tenant', 'add', 'acme']]) {
    const { code, stderr } = await command(store, argv, at(early));
    expect(code).toBe(1);
    expect(stderr).toContain('before this program was made');
    expect(commandIn(stderr)).toEqual([...argv, '--accept-clock', early]);
  }
  expect(store.snapshot()).toEqual(before);
  expect((await command(store, ['status'], at(early))).stderr).toContain('warning: the clock says');
  expect((await command(store, ['backup', '--out', 'b.age', ...FOR], at('1969-12-31T23:55:00Z'))).stderr).not.toContain(
    'before this program was made',
  );
});
