/**
 * 100,000 tenants on a server (SOAK_TENANTS for another number): rewrapping is killed at 50 random moments (SOAK_KILLS), cut off,
 * shared by four shards, while tenants come and go; no key is lost, by the reader of docs/tenant-keys.md. And a million
 * documents (SOAK_DOCUMENTS) in 200 MiB.
 *
 * FerretDB, a server by others with a disk, serves up to 5,000; beyond that its SQLite takes minutes for every scan, and a
 * fake collection in memory stands in for it. So what the numbers show is this program, not a database.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCutter, startTenantsBed, type TenantsBed } from '../scenarios/program/tenants-bed.ts';
import { haveTools } from '../scenarios/program/tools.ts';
import { startFakeCollection } from '../support/mongodb/fake-collection-server.ts';
import { haveMongodbOrSkip, startMongodb } from '../support/mongodb/server.ts';
import { fileWith, type Running } from '../support/program.ts';
import { chance } from '../support/seed.ts';

const randomInt = chance('tenants');

const TENANTS = Number(process.env['SOAK_TENANTS'] ?? 100_000);
const KILLS = Number(process.env['SOAK_KILLS'] ?? 50);
const DOCUMENTS = Number(process.env['SOAK_DOCUMENTS'] ?? 1_000_000);
const FERRETDB_MOST = 5000;
const MOST_MIB = 200;
const HOURS = 60 * 60_000;
const ADDED_AT_ONCE = 100_000;
const soaking = process.env['SOAK'] === '1';
const isReal = TENANTS <= FERRETDB_MOST;

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const idsFrom = (from: number, count: number) => Array.from({ length: count }, (_, i) => `tenant-${from + i}`);

/** The most memory that a program had while it ran, in MiB. */
async function peakOf({ pid, outcome }: Running): Promise<number> {
  let [peak, runs] = [0, true];
  void outcome.then(() => {
    runs = false;
  });
  while (runs) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024);
    await sleep(20);
  }
  return peak;
}

async function addAll(bed: TenantsBed, count: number): Promise<void> {
  for (let from = 0; from < count; from += ADDED_AT_ONCE) {
    const file = fileWith(idsFrom(from, Math.min(ADDED_AT_ONCE, count - from)).join('\n'), 'ids.txt');
    const { code, stderr } = await bed.tenant(bed.first, ['add', '--from', file, '-q'], bed.server.uri, HOURS);
    expect([code, stderr]).toEqual([0, '']);
  }
}

describe.skipIf(!soaking || !haveTools('python3') || (isReal && !haveMongodbOrSkip()))(`${TENANTS} tenants`, () => {
  let bed: TenantsBed;

  beforeAll(async () => {
    bed = await startTenantsBed(isReal ? startMongodb : startFakeCollection);
  });

  afterAll(() => bed?.server.stop());

  const rewrap = (args: readonly string[] = [], uri = bed.server.uri): Running =>
    bed.startTenant(bed.second, ['rewrap', '--yes', '-q', ...args], uri, HOURS);
  const done = async (): Promise<number> => (await bed.counts())[bed.kids().v2] ?? 0;

  /** Waits until so many are wrapped by the new root key; false where the program ended before. */
  async function reaches(enough: number, { outcome }: Running): Promise<boolean> {
    let ended = false;
    void outcome.then(() => {
      ended = true;
    });
    while ((await done()) < enough) {
      if (ended) return false;
      await sleep(isReal ? 20 : 5);
    }
    return true;
  }

  /** Somewhere in what is left, and early enough that as many rounds again as are left still find something to do. */
  async function somewhere(roundsLeft: number): Promise<number> {
    const { [bed.kids().v1]: left = 0 } = await bed.counts();
    return (await done()) + 1 + randomInt(Math.max(1, Math.floor(left / (roundsLeft + 10)) - 1));
  }

  it('lose no key', async () => {
    const rounds = Array.from({ length: KILLS }, (_, i) => `late-${i + 1}`);
    const addLate = await bed.lateTenants([...rounds, 'last-1', 'last-2']);
    await addAll(bed, TENANTS);
    const before = new Map(await bed.keys());
    expect(before.size).toBe(TENANTS);
    const late = new Set<string>();
    const killedAt: number[] = [];
    for (let round = 1; round <= KILLS; round++) {
      const enough = await somewhere(KILLS - round);
      const running = rewrap();
      // Under the old root key, while others are being wrapped by the new one.
      const adding = addLate(`late-${round}`);
      late.add(`late-${round}`);
      const gone = round % 2 === 0 ? `late-${round - 1}` : undefined;
      const removing =
        gone === undefined ? undefined : bed.tenant(bed.second, ['remove', gone, '--no-backup', '--yes']);
      if (await reaches(enough, running)) running.kill('SIGKILL');
      if ((await running.outcome).signal === 'SIGKILL') killedAt.push(await done());
      await adding;
      // One that is wrapped anew just then stays (1).
      const removed = (await removing)?.code;
      expect([undefined, 0, 1]).toContain(removed);
      if (gone !== undefined && removed === 0) late.delete(gone);
    }
    say(`${TENANTS} tenants, wrapped anew at each kill: ${killedAt.join(' ')}`);
    expect(killedAt).toHaveLength(KILLS);
    expect(new Set(killedAt).size).toBe(KILLS);

    const relay = await startCutter(bed.server.port, []);
    const cutOff = rewrap([], `mongodb://localhost:${relay.port}/hubbledb`);
    expect(await reaches(await somewhere(1), cutOff)).toBe(true);
    relay.left.push(0);
    const { code, stderr } = await cutOff.outcome;
    expect([code, relay.left]).toEqual([1, []]);
    expect(stderr).toMatch(/the server cannot be reached, or went away/);
    await relay.stop();
    const { [bed.kids().v1]: left = 0 } = await bed.counts();
    say(`${left} left for the shards`);
    expect(left).toBeGreaterThan(0);

    for (const [id, key] of await bed.keys()) if (late.has(id)) before.set(id, key);
    const shards = [0, 1, 2, 3].map((i) => rewrap(['--shard', `${i}/4`]));
    const [peaks] = await Promise.all([
      Promise.all(shards.map(peakOf)),
      ...['last-1', 'last-2'].map(addLate),
      bed.tenant(bed.second, ['remove', 'tenant-0', '--no-backup', '--yes']),
    ]);
    expect((await Promise.all(shards.map(({ outcome }) => outcome))).map((shard) => shard.code)).toEqual([0, 0, 0, 0]);
    say(`most memory of a shard: ${Math.max(...peaks).toFixed(0)} MiB`);
    for (const mib of peaks) expect(mib).toBeLessThan(MOST_MIB);
    // What was added after the shards had passed by.
    expect((await rewrap().outcome).code).toBe(0);

    const after = await bed.keys();
    expect(await bed.counts()).toEqual({ [bed.kids().v2]: after.size });
    const lost = [...before].filter(([id, key]) => after.get(id) !== key).map(([id]) => id);
    // Its removal may have been overtaken by a shard; then it stays with its key.
    expect(lost.filter((id) => id !== 'tenant-0' || after.has(id))).toEqual([]);
    expect([...after.keys()].filter((id) => !before.has(id)).sort()).toEqual(['last-1', 'last-2']);
    say(`${after.size} keys are what they were`);
  });
});

describe.skipIf(!soaking)(`${DOCUMENTS} documents`, () => {
  let bed: TenantsBed;

  beforeAll(async () => {
    bed = await startTenantsBed(startFakeCollection);
  });

  afterAll(() => bed?.server.stop());

  it(`are listed, rewrapped and verified in ${MOST_MIB} MiB`, async () => {
    await addAll(bed, DOCUMENTS);
    const peaks: number[] = [];
    for (const args of [['list'], ['list', '-o', 'json'], ['rewrap', '--yes'], ['verify']]) {
      const begun = performance.now();
      const running = bed.startTenant(bed.second, [...args, '-q'], bed.server.uri, 2 * HOURS);
      const [mib, { code, stderr }] = await Promise.all([peakOf(running), running.outcome]);
      const seconds = ((performance.now() - begun) / 1000).toFixed(0);
      say(`tenant ${args.join(' ')} of ${DOCUMENTS}: ${mib.toFixed(0)} MiB, ${seconds} s`);
      expect(code, stderr).toBe(0);
      peaks.push(mib);
    }
    expect(Math.max(...peaks)).toBeLessThan(MOST_MIB);
    expect(await bed.counts()).toEqual({ [bed.kids().v2]: DOCUMENTS });
  });
});
