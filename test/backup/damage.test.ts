import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ageSealer } from '../../src/adapters/age/sealer.ts';
import { kidOfSecret } from '../reconcile/checker.ts';
import { installation, ledgerRef, RECORD, storeWith } from '../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../support/memory-store.ts';
import { RsaPool, seededRandom } from '../support/random.ts';
import { chance } from '../support/seed.ts';
import { item, type List } from './bad-lists.ts';
import { backupOf, command, Files, type Outcome, restore, writtenSince } from './bench.ts';

const randomInt = chance('damage');
const soaking = process.env['SOAK'] === '1';
const identity = await generateX25519Identity();
const texts = { 'safe.key': `${identity}\n` };

const pool = new RsaPool();
let made: Snapshot;
let list: List;
/** A store that lacks a key, so that there would be something to write. */
let store: MemoryStore;
let before: Snapshot;

beforeAll(async () => {
  pool.install();
  made = await installation();
  list = JSON.parse((await backupOf(made)).toString());
  store = storeWith(made);
  store.take(ledgerRef('root-key'));
  before = store.snapshot();
});

afterAll(() => pool.uninstall());

async function sealed(plain: List | string | Uint8Array): Promise<Uint8Array> {
  const text = typeof plain === 'string' || plain instanceof Uint8Array ? plain : JSON.stringify(plain);
  const to = { kind: 'recipients', recipients: [await identityToRecipient(identity)] } as const;
  return (await ageSealer.seal(Buffer.from(text as Uint8Array), to)).bytes;
}

function restoreFile(bytes: Uint8Array, into = store, ...flags: readonly string[]): Promise<Outcome> {
  const files = new Files();
  files.found.set('b.age', bytes);
  return command(into, ['restore', 'b.age', '--identity', 'safe.key', '--yes', ...flags], {
    files,
    texts,
    sealer: ageSealer,
  });
}

async function expectRejected(bytes: Uint8Array, what: string): Promise<void> {
  const { code, stdout, stderr } = await restoreFile(bytes);
  expect([code, stdout], `${what}: ${stderr}`).toEqual([4, '']);
}

function flipped(bytes: Uint8Array, at: number, by: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ by;
  return copy;
}

/** The same installation with nothing but its root key: the smallest backup there can be. */
function smallest(): List {
  const small = structuredClone(list);
  const names = [RECORD.name, ledgerRef('root-key').name];
  small.items = small.items.filter(({ kind, metadata }) => kind === 'Namespace' || names.includes(metadata.name));
  const { data } = item(small, RECORD.name);
  const record = JSON.parse(data['record.json'] ?? '');
  record.keys = { 'root-key': record.keys['root-key'] };
  data['record.json'] = JSON.stringify(record);
  return small;
}

/** The same installation after two hundred rotations of its root key. */
function largest(): List {
  const large = structuredClone(list);
  const first = item(large, ledgerRef('root-key').name);
  const { data } = item(large, RECORD.name);
  const record = JSON.parse(data['record.json'] ?? '');
  const { versions } = record.keys['root-key'];
  const random = seededRandom('two hundred rotations');
  for (let n = 2; n <= 200; n++) {
    const key = random.bytes(32);
    const kid = kidOfSecret('root-key', key);
    const more = structuredClone(first);
    more.metadata.name = ledgerRef('root-key', n).name;
    Object.assign(more.data, { key: Buffer.from(key).toString('base64'), kid: Buffer.from(kid).toString('base64') });
    large.items.push(more);
    versions.push({ ...versions[0], n, kid, state: 'retired', history: [] });
  }
  data['record.json'] = JSON.stringify(record);
  return large;
}

describe('a byte that is another one is refused, and nothing is written:', () => {
  test('at every position of a small backup', { timeout: 600_000 }, async () => {
    const bytes = await sealed(smallest());
    expect((await restoreFile(bytes, memoryStore(), '--verify')).code).toBe(0);
    const header = Buffer.from(bytes).indexOf('\n---') + 80;
    for (let at = 0; at < bytes.length; at++) {
      // In the everyday run every position of the header, and every 20th of what is encrypted.
      if (!soaking && at > header && at % 20 !== 0 && at < bytes.length - 20) continue;
      await expectRejected(flipped(bytes, at, 1 + randomInt(255)), `byte ${at}`);
    }
    expect(writtenSince(before, store)).toEqual([]);
  });

  test('at random positions of a large backup', { timeout: 600_000 }, async () => {
    const bytes = await sealed(largest());
    expect(bytes.length).toBeGreaterThan(3 * 65_536);
    expect((await restoreFile(bytes, memoryStore(), '--verify')).code).toBe(0);
    for (let round = 0; round < (soaking ? 10_000 : 200); round++) {
      const at = randomInt(bytes.length);
      await expectRejected(flipped(bytes, at, 1 + randomInt(255)), `byte ${at}`);
    }
    expect(writtenSince(before, store)).toEqual([]);
  });
});

test('a backup that is cut off anywhere is refused, and nothing is written', { timeout: 600_000 }, async () => {
  const bytes = await sealed(list);
  for (let round = 0; round < (soaking ? 3000 : 100); round++) {
    const length = randomInt(bytes.length);
    await expectRejected(bytes.subarray(0, length), `${length} bytes`);
  }
  expect(writtenSince(before, store)).toEqual([]);
});

describe('a file that decrypts to something else is refused, and nothing is written:', () => {
  test.each<readonly [string, () => string | Uint8Array]>([
    ['nothing', () => ''],
    ['noise', () => seededRandom('noise').bytes(3000)],
    ['a text', () => 'dear colleague,\n'],
    ['JSON of something else', () => '{"kind":"Cluster"}'],
    ['another age file', () => 'age-encryption.org/v1\n-> X25519 AA\n'],
    ['a List in YAML', () => 'apiVersion: v1\nkind: List\nitems: []\n'],
    ['a part of a backup', () => JSON.stringify(list).slice(0, -1)],
  ])('%s', async (_, plain) => {
    await expectRejected(await sealed(plain()), 'it');
    expect(writtenSince(before, store)).toEqual([]);
  });
});

/** What a kid vouches for, of every Secret in the ledger. */
function material(snapshot: Snapshot): readonly string[] {
  return snapshot.objects.flatMap((object) =>
    object.damage !== undefined || !object.ref.name.startsWith('palette-key-')
      ? []
      : ['key', 'key.pem', 'tls.crt', 'username', 'password', 'keyfile'].map(
          (name) => `${object.ref.name} ${name} ${Buffer.from(object.data[name] ?? []).toString('base64')}`,
        ),
  );
}

test('a byte that somebody changed before it was encrypted is refused, or does no harm to any key', {
  timeout: 600_000,
}, async () => {
  const plain = Buffer.from(JSON.stringify(list));
  let taken = 0;
  for (let round = 0; round < (soaking ? 5000 : 60); round++) {
    const at = randomInt(plain.length);
    const changed = flipped(plain, at, 1 << randomInt(7));
    const what = `byte ${at}: ${Buffer.from(changed.subarray(at - 40, at + 10)).toString('latin1')}`;
    const into = memoryStore();
    const { code, stderr } = await restore(into, changed, { flags: ['--verify'] });
    expect([0, 4, 5], `${what}: ${stderr}`).toContain(code);
    if (code !== 0 || ++taken > (soaking ? 500 : 5)) continue;
    const done = await restore(into, changed);
    // A time that became a later one: the clock is doubted, and nothing is written.
    if (done.code === 1 && done.stderr.includes('--accept-clock')) continue;
    expect(done.code, `${what}: ${done.stderr}`).toBe(0);
    expect(material(into.snapshot()), what).toEqual(material(made));
  }
});
