// Covers: src/reconcile/read/key-traces.ts

/** `--destroy` on a folder: once it says that a key is destroyed, the key's bytes are nowhere in the folder. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openDirectoryStore } from '../../src/adapters/directory/directory-store.ts';
import { systemProcess } from '../../src/adapters/directory/lock/process-identity.ts';
import { readStatus } from '../../src/status/read-status.ts';
import { FaultyFiles } from '../adapters/directory/faulty-files.ts';
import { DAY, ManualClock } from '../support/clock.ts';
import { init, LEDGER, ledgerRef, objectIn, PLATFORM, recordIn } from '../support/installations.ts';
import { type MemoryStore, memoryStore } from '../support/memory-store.ts';
import { type RotateOptions, rotate } from './bed.ts';
import { installedOnce } from './installed.ts';

const JWT = 'jwt-signing-key';
const TEMP = '.palette-keys.deadbeef.deadbeef.4026531836.77.1234.1.tmp';
/** No process has this pid: whoever looks for it finds that it is gone. */
const MORTAL = { ...systemProcess(), origin: { ...systemProcess().origin, pid: 2 ** 30 } };

const fresh = installedOnce();
const base = mkdtempSync(join(tmpdir(), 'palette-keys-destroy-'));
const whole = join(base, 'whole');
const keys = join(base, 'keys');
const secrets = join(keys, LEDGER, 'secrets');
const entry = join(secrets, `palette-key-${JWT}-v1.yaml`);
let clock: ManualClock;
let kid = '';
/** What of the key may be found nowhere. */
let forms: readonly string[] = [];

beforeAll(async () => {
  const installed = fresh();
  const { store } = installed;
  await rotate(store, JWT, { clock: installed.clock, compromised: true, assumeConsumersCurrent: true });
  kid = recordIn(store.snapshot()).keys[JWT].versions[0].kid;
  const pem = Buffer.from(objectIn(store.snapshot(), ledgerRef(JWT)).data['key.pem'] ?? []);
  forms = [pem.toString('latin1').split('\n')[1] ?? '', pem.toString('base64'), pem.toString('base64').slice(40, 120)];
  await copyToFolder(store);
}, 60_000);

afterAll(() => rmSync(base, { recursive: true, force: true }));

beforeEach(() => {
  clock = new ManualClock();
  clock.advance(60 * DAY);
  rmSync(keys, { recursive: true, force: true });
  execFileSync('cp', ['-a', whole, keys]);
});

async function copyToFolder(from: MemoryStore): Promise<void> {
  const { objects, namespaces } = from.snapshot();
  const to = openDirectoryStore(whole);
  const lock = await to.lock({ command: 'copy', user: 'tester', since: '' });
  await to.addNamespaces(namespaces);
  for (const object of objects) if (object.damage === undefined) await to.create(object);
  await lock.release();
}

const destroy = (files = new FaultyFiles(), options: RotateOptions = {}) =>
  rotate(openDirectoryStore(keys, { files, process: MORTAL }), JWT, {
    ...{ clock, request: { type: 'destroy', kid }, assumeConsumersCurrent: true },
    ...options,
  });

/** Files that hold the key. */
const holders = (): readonly string[] =>
  readdirSync(keys, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(keys, name)).isFile())
    .filter((name) => forms.some((form) => readFileSync(join(keys, name), 'latin1').includes(form)))
    .sort();

const findings = async () => {
  const spec = { spec: undefined, namespace: undefined };
  const report = await readStatus({ store: openDirectoryStore(keys, { process: MORTAL }), clock }, spec);
  return (report?.findings ?? []).filter(({ code }) => code === 'LEFTOVER');
};

describe('a key that is destroyed', () => {
  test('is in one file before, and in none after; nothing is left to say', async () => {
    expect(holders()).toEqual([`${LEDGER}/secrets/palette-key-${JWT}-v1.yaml`]);
    expect(await destroy()).toMatchObject({ done: true, effects: [] });
    expect([holders(), await findings()]).toEqual([[], []]);
  });

  test.each(['EKILLED', 'EIO'])(
    'is nowhere once the command is repeated after %s at any call',
    { timeout: 240_000 },
    async (code) => {
      const counted = new FaultyFiles();
      await destroy(counted);
      const calls = counted.calls.filter(({ name }) =>
        ['open', 'write', 'link', 'unlink', 'rename', 'sync'].includes(name),
      );
      const writes = calls.filter(({ path, name }) => name !== 'open' || path.endsWith('.tmp'));
      expect(writes.length).toBeGreaterThan(10);
      for (const { n, name } of writes) {
        rmSync(keys, { recursive: true });
        execFileSync('cp', ['-a', whole, keys]);
        // As a write of another machine that was cut off, too.
        copyFileSync(entry, join(secrets, TEMP));
        const files =
          code === 'EKILLED' ? new FaultyFiles().killAt(n) : new FaultyFiles().fail(code, (call) => call.n === n);
        const first = await destroy(files).catch(() => undefined);
        if (first?.done === true) expect(holders(), `${code} at ${n}, ${name}`).toEqual([]);
        expect(await destroy(), `${code} at ${n}, ${name}`).toMatchObject({ done: true });
        expect([holders(), await findings()], `${code} at ${n}, ${name}`).toEqual([[], []]);
      }
    },
  );

  test('is not said to be destroyed while a temp file with it cannot be deleted', async () => {
    copyFileSync(entry, join(secrets, TEMP));
    const stuck = () => new FaultyFiles().fail('EIO', ({ name, path }) => name === 'unlink' && path.endsWith(TEMP));
    await expect(destroy(stuck())).rejects.toMatchObject({ message: expect.stringContaining(TEMP) });
    expect(await destroy()).toMatchObject({ done: true, effects: [expect.stringContaining(TEMP)] });
    copyFileSync(join(whole, LEDGER, 'secrets', `palette-key-${JWT}-v1.yaml`), join(secrets, TEMP));
    expect(await findings()).toEqual([expect.objectContaining({ severity: 'error', subject: join(secrets, TEMP) })]);
    await expect(destroy(stuck())).rejects.toMatchObject({ message: expect.stringContaining(TEMP) });
    const rehearsed = await destroy(new FaultyFiles(), { dryRun: true });
    expect([rehearsed.planned, holders().length]).toEqual([[expect.stringContaining(TEMP)], 1]);
    expect(await destroy()).toMatchObject({ done: true, effects: [expect.stringContaining(TEMP)] });
    expect([holders(), await findings()]).toEqual([[], []]);
  });

  test.each([
    ['an editor’s copy', () => `${entry}~`],
    ['a copy under another name', () => join(secrets, 'copy.yaml')],
    ['a renamed folder', () => join(keys, 'old.bak', 'secrets', 'a.yaml')],
    ['another namespace', () => join(keys, PLATFORM, 'secrets', 'a.yaml')],
    ['the key alone', () => join(keys, 'key.pem')],
  ])('is refused as long as there is %s, before and after, and nothing is written', async (_, place) => {
    const plant = (): void => {
      mkdirSync(join(place(), '..'), { recursive: true, mode: 0o700 });
      copyFileSync(join(whole, LEDGER, 'secrets', `palette-key-${JWT}-v1.yaml`), place());
    };
    const refused = {
      code: 'REFUSED',
      details: [expect.objectContaining({ message: `${place()} seems to hold the key` })],
    };
    plant();
    const before = holders();
    for (const options of [{ dryRun: true }, {}]) {
      await expect(destroy(new FaultyFiles(), options)).rejects.toMatchObject(refused);
      expect(holders()).toEqual(before);
    }
    rmSync(place());
    await destroy();
    plant();
    await expect(destroy()).rejects.toMatchObject(refused);
    expect(await findings()).toEqual([expect.objectContaining({ severity: 'error', subject: place() })]);
  });
});

describe('init with nothing else to do', () => {
  test('deletes the temp files that lie about, and says so', async () => {
    copyFileSync(entry, join(secrets, TEMP));
    const store = openDirectoryStore(keys, { process: MORTAL });
    expect(await findings()).toEqual([expect.objectContaining({ severity: 'warning' })]);
    const plan = await init(store, { clock });
    expect([plan.sweeps, await findings()]).toEqual([[join(secrets, TEMP)], []]);
    expect((await init(store, { clock })).sweeps).toEqual([]);
  });

  test('does so nowhere else: a store in memory has no temp files', async () => {
    const store = memoryStore();
    await init(store);
    expect((await init(store)).sweeps).toEqual([]);
  });
});
