// Covers: src/reconcile/plan/findings/backups.ts

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DAY, ManualClock, START } from '../support/clock.ts';
import {
  editData,
  editRecord,
  init,
  installation,
  ledgerRef,
  PLATFORM,
  RECORD,
  secret,
  storeWith,
  transplant,
} from '../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';
import { backupOf, command, commandWell, documentOf, Files, FOR, findingsOf, restore } from './bench.ts';

const CODES = ['ROOT_KEY_NOT_BACKED_UP', 'BACKUP_OUTDATED', 'BACKUP_OLD'];

const pool = new RsaPool();
let made: Snapshot;
let foreign: Snapshot;
let store: MemoryStore;
let files: Files;
let clock: ManualClock;

beforeAll(async () => {
  pool.install();
  made = await installation();
  foreign = await installation();
});

afterAll(() => pool.uninstall());

beforeEach(() => {
  store = storeWith(made);
  files = new Files();
  clock = new ManualClock();
});

async function backUp(file: string): Promise<void> {
  await commandWell(store, ['backup', '--out', file, ...FOR], { files, clock });
}

/** What `status` says of backups. */
async function nags(): Promise<readonly string[]> {
  return (await findingsOf(store, { clock })).filter((code) => CODES.includes(code));
}

/** Takes the key of another installation in as the second version. */
async function adopt(kind: string): Promise<void> {
  transplant(store, secret(PLATFORM, `palette-${kind}`), foreign);
  await init(store, { intent: { type: 'adopt' }, clock });
}

describe('a root key that no backup holds', () => {
  test('is nagged about until a backup is made', async () => {
    expect(await nags()).toEqual(['ROOT_KEY_NOT_BACKED_UP']);
    await backUp('b.age');
    expect(await nags()).toEqual([]);
  });

  test('is a warning, which names the command that helps', async () => {
    const outcome = await commandWell(store, ['status', '-o', 'json'], { clock });
    const found = documentOf(outcome).findings.find(({ code }: { code: string }) => code === CODES[0]);
    expect(found).toMatchObject({ severity: 'warning', subject: 'root-key' });
    expect(found.remedy).toContain('palette-keys backup --out FILE --recipient');
    expect((await command(store, ['status', '--fail-on', 'warning'], { clock })).code).toBe(3);
  });

  test('is told of by init', async () => {
    const { stderr } = await commandWell(store, ['init'], { clock });
    expect(stderr).toContain('ROOT_KEY_NOT_BACKED_UP');
  });

  test('is still nagged about after a rehearsal of a backup, and after one that failed', async () => {
    await commandWell(store, ['backup', '--out', 'b.age', ...FOR, '--dry-run'], { files, clock });
    files.readingBack(() => new Uint8Array());
    await command(store, ['backup', '--out', 'b.age', ...FOR], { files, clock });
    expect(await nags()).toEqual(['ROOT_KEY_NOT_BACKED_UP']);
  });

  test('is nagged about again when a new one is active, though the old one is in a backup', async () => {
    await backUp('b.age');
    await adopt('root-key');
    expect(await nags()).toEqual(['ROOT_KEY_NOT_BACKED_UP']);
    await backUp('c.age');
    expect(await nags()).toEqual([]);
  });

  test('is not nagged about after a restore: the file that it came from holds it', async () => {
    const empty = memoryStore();
    expect((await restore(empty, await backupOf(made))).code).toBe(0);
    store = empty;
    expect(await nags()).toEqual([]);
  });
});

describe('a version in use that no backup holds', () => {
  test('is named as BACKUP_OUTDATED, with its kid, until the next backup', async () => {
    await backUp('b.age');
    await adopt('hash-salt');
    expect(await nags()).toEqual(['BACKUP_OUTDATED']);
    const { stdout } = await commandWell(store, ['status'], { clock });
    expect(stdout).toMatch(/BACKUP_OUTDATED\n {2}hash-salt\n {2}no backup holds hash-salt v2 \([a-z2-7]{16}\)/);
    await backUp('c.age');
    expect(await nags()).toEqual([]);
  });

  test.each([
    ['active', 1],
    ['trusted', 1],
    ['published', 0],
    ['retired', 0],
    ['destroyed', 0],
  ])('counts where it is %s: %i', async (state, times) => {
    await backUp('b.age');
    editRecord(store, ({ keys }) => {
      const { versions } = keys['hash-salt'];
      const [first] = versions;
      const unsaved = { ...first, n: 2, kid: 'b'.repeat(16), state, backups: [] };
      if (state === 'active') first.state = 'trusted';
      versions.push(unsaved);
    });
    const outdated = (await nags()).filter((code) => code === 'BACKUP_OUTDATED');
    expect(outdated).toHaveLength(times);
  });
});

describe('a backup that is old', () => {
  test.each([
    [0, []],
    [90, []],
    [91, ['BACKUP_OLD']],
    [1000, ['BACKUP_OLD']],
    [-5, []],
  ])('after %i days', async (days, expected) => {
    await backUp('b.age');
    clock.advance(days * DAY);
    expect(await nags()).toEqual(expected);
  });

  test('is named with its age; a newer one ends it', async () => {
    await backUp('b.age');
    clock.advance(100 * DAY);
    const { stdout } = await commandWell(store, ['status'], { clock });
    expect(stdout).toMatch(/BACKUP_OLD\n.*\n {2}the newest backup \(b\.age\) is 100 days old/);
    await backUp('c.age');
    expect(await nags()).toEqual([]);
  });

  test('is the newest by time, in whatever order the record has them', async () => {
    await backUp('b.age');
    editRecord(store, ({ keys }) => {
      const [{ backups }] = keys['hash-salt'].versions;
      backups.unshift({ ...backups[0], file: 'newer.age', at: '2027-03-01T00:00:00Z' });
    });
    clock.set('2027-05-01T00:00:00Z');
    expect(await nags()).toEqual([]);
    clock.set('2027-06-15T00:00:00Z');
    expect((await commandWell(store, ['status'], { clock })).stdout).toContain('newer.age');
  });
});

describe('a refusal for the sake of a key that is gone', () => {
  /** Backups: all kinds in old.age, all but the cluster CA in new.age. */
  async function backedUpTwice(): Promise<void> {
    await backUp('old.age');
    clock.advance(DAY);
    await backUp('new.age');
    editRecord(store, ({ keys }) => {
      keys['cluster-ca'].versions[0].backups.pop();
    });
  }

  test.each([
    ['internal-ca', 'new.age', '2027-01-02T00:00:00Z'],
    ['cluster-ca', 'old.age', START],
  ])('%s: init names the newest backup that holds it', async (kind, file, at) => {
    await backedUpTwice();
    store.take(ledgerRef(kind));
    const outcome = await command(store, ['init', '--yes'], { clock });
    expect(outcome.code).toBe(5);
    const says = outcome.stderr.replaceAll(/\s+/g, ' ');
    expect(says).toContain(`the backup ${file} of ${at}`);
    expect(says).toContain(`palette-keys restore ${file}`);
  });

  test('status names the backup', async () => {
    await backedUpTwice();
    store.take(ledgerRef('internal-ca'));
    const outcome = await command(store, ['status'], { clock });
    expect(outcome.code).toBe(3);
    expect(outcome.stdout.replaceAll(/\s+/g, ' ')).toContain('palette-keys restore new.age');
  });

  test('an entry that holds another key than the record says: the newest backup of the right key is named', async () => {
    await backedUpTwice();
    transplant(store, ledgerRef('internal-ca'), foreign);
    const outcome = await command(store, ['init', '--yes'], { clock });
    expect(outcome.code).toBe(5);
    expect(outcome.stderr.replaceAll(/\s+/g, ' ')).toContain('palette-keys restore new.age');
  });

  test.each(['cannot be read', 'contradicts its kid'])(
    'one that is damaged (it %s): the newest backup that holds it is named',
    async (how) => {
      await backedUpTwice();
      if (how === 'cannot be read') store.damage(ledgerRef('internal-ca'), 'it is torn');
      else editData(store, ledgerRef('internal-ca'), () => ({ kid: 'a'.repeat(16) }));
      const outcome = await command(store, ['init', '--yes'], { clock });
      expect(outcome.code).toBe(5);
      expect(outcome.stderr.replaceAll(/\s+/g, ' ')).toContain('palette-keys restore new.age');
    },
  );

  test('that no backup holds: that is said', async () => {
    store.take(ledgerRef('internal-ca'));
    const outcome = await command(store, ['init', '--yes'], { clock });
    expect(outcome.code).toBe(5);
    expect(outcome.stderr.replaceAll(/\s+/g, ' ')).toContain('no backup of it is recorded');
  });

  test('what is named helps: the restore of that file brings the key back', async () => {
    await backUp('b.age');
    store.take(ledgerRef('internal-ca'));
    await commandWell(store, ['restore', 'b.age', '--identity', 'safe.key'], { files, clock });
    expect((await commandWell(store, ['init'], { clock })).stdout).toContain('Nothing to do');
  });

  test('a lost record says to restore it, and that helps', async () => {
    await adopt('hash-salt');
    await backUp('b.age');
    store.take(RECORD);
    store.take(secret(PLATFORM, 'palette-hash-salt'));
    const outcome = await command(store, ['init', '--yes'], { clock });
    expect(outcome.code).toBe(5);
    expect(outcome.stderr).toContain('palette-keys restore FILE');
    await commandWell(store, ['restore', 'b.age', '--identity', 'safe.key'], { files, clock });
    expect((await commandWell(store, ['init'], { clock })).stdout).toContain('Nothing to do');
  });
});

test('an installation without a record is not nagged about backups, but about its record', async () => {
  store.take(RECORD);
  expect(await nags()).toEqual([]);
  expect(await findingsOf(store, { clock })).toContain('RECORD_LOST');
});
