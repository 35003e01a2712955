// Covers: src/reconcile/read/audit-archives.ts

/** The anchor of the audit log in the record: set with every line, and what is done where the log is another one. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { formatRef } from '../../../src/ports/object-ref.ts';
import { type BenchOptions, backupOf, command, commandWell, Files, FOR, restore } from '../../backup/bench.ts';
import { ManualClock } from '../../support/clock.ts';
import { FaultyStore } from '../../support/faulty-store.ts';
import {
  AUDIT,
  auditIn,
  editData,
  editRecord,
  inFormerSchema,
  installation,
  objectIn,
  PLATFORM,
  recordIn,
  secret,
  storeWith,
} from '../../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../../support/memory-store.ts';
import { RsaPool } from '../../support/random.ts';

const pool = new RsaPool();
let made: Snapshot;
let mark: ReturnType<RsaPool['mark']>;
let store: MemoryStore;

beforeAll(async () => {
  pool.install();
  made = await installation();
  mark = pool.mark();
});

afterAll(() => pool.uninstall());

beforeEach(() => {
  pool.rewind(mark);
  store = storeWith(made);
});

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');
const logOf = (from = store): string =>
  Buffer.from(objectIn(from.snapshot(), AUDIT).data['audit.jsonl'] ?? []).toString('utf8');
const linesOf = (from = store): string[] => logOf(from).trimEnd().split('\n');
const anchorOfLog = (from = store, before = 0) => ({
  lines: before + linesOf(from).length,
  digest: sha256(linesOf(from).at(-1) ?? ''),
});
const put = (lines: readonly string[]): void =>
  editData(store, AUDIT, () => ({ 'audit.jsonl': lines.map((line) => `${line}\n`).join('') }));

/** Codes of status that are about the audit log. */
async function codesOf(from = store): Promise<readonly string[]> {
  const { stdout } = await command(from, ['status', '-o', 'json'], later());
  const codes = JSON.parse(stdout).findings.map(({ code }: { code: string }) => code);
  return codes.filter((code: string) => code.startsWith('AUDIT'));
}

const later = (): BenchOptions => ({ clock: new ManualClock('2027-01-03T00:00:00Z'), files: new Files() });

/** Every command that appends a line without a database. */
const WRITERS: Readonly<Record<string, readonly string[]>> = {
  'an init that restores an object': ['init'],
  'a backup': ['backup', '--out', 'b.age', ...FOR],
  'a rotation of the CA': ['rotate', 'internal-ca', '--yes', '--again'],
  'a rotation of certificates': ['rotate', 'grpc-tls', '--again', '--yes'],
  'a rotation that waits': ['rotate', 'jwt-signing-key', '--yes', '--again'],
  'a request for a certificate': ['csr', '--fqdn', 'palette.example.org'],
};

function disturb(): void {
  store.take(secret(PLATFORM, 'palette-root-key'));
}

describe.each(Object.entries(WRITERS))('%s', (name, argv) => {
  beforeEach(() => {
    if (name.startsWith('an init')) disturb();
  });

  test('leaves the record with number and digest of the last line', async () => {
    await command(store, argv, later());
    expect(linesOf().length).toBeGreaterThan(1);
    expect(recordIn(store.snapshot()).audit).toEqual(anchorOfLog());
    expect(await codesOf()).toEqual([]);
  });

  test('that is killed between line and anchor leaves a log that is ahead, and the next write mends it', async () => {
    const whole = storeWith(store.snapshot());
    let last = 0;
    const counted = new FaultyStore(whole);
    counted.onWrite(({ object }) => {
      if (object === formatRef(AUDIT)) last = counted.writes;
    });
    await command(counted, argv, later());
    pool.rewind(mark);
    const killed = new FaultyStore(store).killAt(last, 'after');
    await command(killed, argv, later());
    store = store.afterCrash();
    const known = recordIn(store.snapshot());
    expect(known.audit.lines).toBeLessThan(linesOf().length);
    expect(await codesOf()).toEqual(known.ready ? ['AUDIT_AHEAD'] : []);
    // An interrupted run is completed, else anything writes.
    if (known.ready) disturb();
    await commandWell(store, ['init'], later());
    expect(recordIn(store.snapshot()).audit).toEqual(anchorOfLog());
    expect(await codesOf()).toEqual([]);
  });

  test('goes on where the chain is broken, and leaves the anchor, which is the evidence', async () => {
    await commandWell(store, ['backup', '--out', 'a.age', ...FOR], later());
    const { audit } = recordIn(store.snapshot());
    put(linesOf().slice(0, 1));
    const { code } = await command(store, name.startsWith('an init') ? [...argv, '--dry-run'] : argv, later());
    expect([0, 6]).toContain(code);
    expect(recordIn(store.snapshot()).audit).toEqual(audit);
    expect((await codesOf()).length).toBe(1);
  });
});

describe('a log that is not what the record says', () => {
  beforeEach(async () => {
    await commandWell(store, ['backup', '--out', 'a.age', ...FOR], later());
    await commandWell(store, ['backup', '--out', 'b.age', ...FOR], later());
  });

  const edits: Readonly<Record<string, readonly [string, () => unknown]>> = {
    'was cut to its first line': ['AUDIT_CHAIN_BROKEN', () => put(linesOf().slice(0, 1))],
    'lacks its first line': ['AUDIT_DAMAGED', () => put(linesOf().slice(1))],
    'has another last line': [
      'AUDIT_CHAIN_BROKEN',
      () => put(linesOf().map((line, at) => (at === 2 ? line.replace('tester', 'nobody') : line))),
    ],
    'has another line in the middle': [
      'AUDIT_DAMAGED',
      () => put(linesOf().map((line, at) => (at === 1 ? line.replace('tester', 'nobody') : line))),
    ],
    'is gone': ['AUDIT_CHAIN_BROKEN', () => store.take(AUDIT)],
  };

  test.each(Object.entries(edits))('because it %s is an error of status', async (_, [code, edit]) => {
    edit();
    expect(await codesOf()).toEqual([code]);
    expect((await command(store, ['status'])).code).toBe(3);
  });

  test.each(Object.entries(edits))('because it %s is anchored anew by init --yes alone', async (_, [code, edit]) => {
    const { audit } = recordIn(store.snapshot());
    edit();
    const before = store.snapshot();
    expect(await command(store, ['init'], later())).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes'),
    });
    const rehearsal = JSON.parse((await commandWell(store, ['init', '--dry-run', '-o', 'json'], later())).stdout);
    expect(rehearsal.steps.filter(({ action }: { action: string }) => action !== 'keep')).toMatchObject([
      { action: 'update', object: formatRef(AUDIT), key: 'audit-log' },
    ]);
    expect(store.snapshot()).toEqual(before);
    expect(await codesOf()).toEqual([code]);
    const done = JSON.parse((await commandWell(store, ['init', '--yes', '-o', 'json'], later())).stdout);
    expect(done.findings.filter((found: { code: string }) => found.code.startsWith('AUDIT'))).toEqual([]);
    const told = auditIn(store.snapshot()).at(-1);
    expect(told.result).toBe('chain-broken');
    expect(told.changes[0].object).toContain(`SHA256:${audit.digest}`);
    expect(recordIn(store.snapshot()).audit).toMatchObject({ digest: sha256(linesOf().at(-1) ?? '') });
    expect(recordIn(store.snapshot()).audit.lines).toBeGreaterThan(audit.lines);
    expect(await codesOf()).toEqual([]);
    // From there on it is followed again.
    expect(await command(store, ['init'], later())).toMatchObject({ code: 0 });
    await commandWell(store, ['backup', '--out', 'c.age', ...FOR], later());
    expect(await codesOf()).toEqual([]);
    put(linesOf().slice(0, -1));
    expect(await codesOf()).toEqual(['AUDIT_CHAIN_BROKEN']);
  });

  test('is anchored anew, whichever write kills that run', async () => {
    put(linesOf().slice(0, 1));
    const cut = store.snapshot();
    for (let n = 1; n <= 6; n++) {
      for (const moment of ['before', 'after'] as const) {
        store = storeWith(cut);
        await command(new FaultyStore(store).killAt(n, moment), ['init', '--yes'], later());
        store = store.afterCrash();
        await commandWell(store, ['init', '--yes'], later());
        expect(await codesOf()).toEqual([]);
        expect(auditIn(store.snapshot()).some(({ result }) => result === 'chain-broken')).toBe(true);
      }
    }
  });
});

describe('a full log', () => {
  /** Two archives and a log, by making the log long. */
  async function fill(): Promise<void> {
    for (let n = 0; n < 2; n++) {
      const lines = linesOf();
      const pad = 'x'.repeat(540 * 1024);
      const line = JSON.stringify({ ...JSON.parse(lines[0] ?? ''), prev: sha256(lines.at(-1) ?? ''), pad });
      put([...lines, line]);
      await commandWell(store, ['backup', '--out', `${n}.age`, ...FOR], later());
    }
  }
  const archive = (n: number) => ({ ...AUDIT, name: `${AUDIT.name}-${n}` });

  test('is counted and followed through its archives', async () => {
    await fill();
    expect(recordIn(store.snapshot()).audit).toEqual(anchorOfLog(store, 4));
    expect(await codesOf()).toEqual([]);
    expect((await command(store, ['status'])).stdout).toContain('Audit log: 5 lines, head');
    const { stdout } = await command(store, ['status', '-o', 'json']);
    expect(JSON.parse(stdout).audit).toEqual({ lines: 5, head: `SHA256:${anchorOfLog().digest}` });
  });

  test.each([1, 2])('is broken where archive %i is edited, deleted or emptied', async (n) => {
    await fill();
    const full = store.snapshot();
    const changes = [
      () => store.take(archive(n)),
      () =>
        editData(store, archive(n), (data) => ({ 'audit.jsonl': data['audit.jsonl']?.replace('tester', 'nobody') })),
      () => editData(store, archive(n), () => ({ 'audit.jsonl': '' })),
    ];
    for (const change of changes) {
      store = storeWith(full);
      change();
      expect(await codesOf()).toEqual(['AUDIT_DAMAGED']);
      await commandWell(store, ['init', '--yes'], later());
      expect(await codesOf()).toEqual([]);
    }
  });

  test('is found whole where an archive has another name', async () => {
    await fill();
    const moved = objectIn(store.snapshot(), archive(1));
    store.take(archive(1));
    store.put({ ...moved, ref: archive(7) });
    expect(await codesOf()).toEqual([]);
  });
});

describe('without an anchor', () => {
  test('an installation gets one with its next write', async () => {
    editRecord(store, ({ audit: _, ...record }) => record);
    expect(await codesOf()).toEqual([]);
    await commandWell(store, ['backup', '--out', 'a.age', ...FOR], later());
    expect(recordIn(store.snapshot()).audit).toEqual(anchorOfLog());
  });

  test('a broken chain gets none before init --yes', async () => {
    await commandWell(store, ['backup', '--out', 'a.age', ...FOR], later());
    editRecord(store, ({ audit: _, ...record }) => record);
    put(linesOf().map((line, at) => (at === 0 ? line.replace('tester', 'nobody') : line)));
    await commandWell(store, ['backup', '--out', 'b.age', ...FOR], later());
    expect(recordIn(store.snapshot()).audit).toBeUndefined();
    expect(await codesOf()).toEqual(['AUDIT_DAMAGED']);
    await commandWell(store, ['init', '--yes'], later());
    expect(await codesOf()).toEqual([]);
  });

  test('a record of an older schema gets none, whatever writes', async () => {
    editRecord(store, ({ audit: _, ...record }) => inFormerSchema(record, 1));
    await commandWell(store, ['backup', '--out', 'a.age', ...FOR], later());
    expect(recordIn(store.snapshot())).not.toHaveProperty('audit');
    await commandWell(store, ['init', '--yes'], later());
    expect(recordIn(store.snapshot())).toMatchObject({ schemaVersion: 3, audit: anchorOfLog() });
  });
});

describe('a restored installation', () => {
  test('goes on from the last line that its backup knew', async () => {
    await commandWell(store, ['backup', '--out', 'a.age', ...FOR], later());
    const { audit } = recordIn(store.snapshot());
    const backup = await backupOf(store.snapshot(), later());
    store = memoryStore();
    expect(await restore(store, backup, { clock: new ManualClock('2027-01-03T00:00:00Z') })).toMatchObject({ code: 0 });
    expect(auditIn(store.snapshot())[0].prev).toBe(audit.digest);
    expect(recordIn(store.snapshot()).audit).toMatchObject(anchorOfLog(store, audit.lines));
    expect(await codesOf()).toEqual([]);
    expect(await command(store, ['init'], later())).toMatchObject({ code: 0 });
    put([]);
    store.take(AUDIT);
    expect(await codesOf()).toEqual(['AUDIT_CHAIN_BROKEN']);
  });
});
