/**
 * 100,000 tenants on a server (SOAK_TENANTS for another number): rewrapping is killed at 50 random moments (SOAK_KILLS), cut off,
 * shared by four shards, while tenants come and go; no key is lost, by the reader of docs/tenant-keys.md.
 */
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCutter, startTenantsBed, type TenantsBed } from '../program/tenants-bed.ts';
import { haveMongodbOrSkip } from '../support/mongodb/server.ts';
import { fileWith, type Running } from '../support/program.ts';

const TENANTS = Number(process.env['SOAK_TENANTS'] ?? 100_000);
const KILLS = Number(process.env['SOAK_KILLS'] ?? 50);
const DOCUMENTS = Number(process.env['SOAK_DOCUMENTS'] ?? 1_000_000);
const MOST_MIB = 200;
const HOURS = 60 * 60_000;
const ids = Array.from({ length: TENANTS }, (_, i) => `tenant-${i}`);
const soaking = process.env['SOAK'] === '1';

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

describe.skipIf(!soaking || !haveMongodbOrSkip())(`${TENANTS} tenants`, () => {
  let bed: TenantsBed;

  beforeAll(async () => {
    bed = await startTenantsBed();
  });

  afterAll(() => bed?.server.stop());

  it('lose no key', async () => {
    const file = fileWith(ids.join('\n'), 'ids.txt');
    const added = await bed.tenant(bed.first, ['add', '--from', file, '-q'], bed.server.uri, 30 * 60_000);
    expect(added.stderr).toBe('');
    const before = await bed.keys();
    expect(before.size).toBe(TENANTS);
    const { v2 } = bed.kids();
    let killed = 0;
    // Each is killed some documents further on, so that the last kills still find something to do.
    for (let round = 1; round <= KILLS; round++) {
      const running = bed.startTenant(bed.second, ['rewrap', '--yes', '-q'], bed.server.uri, 30 * 60_000);
      let ended = false;
      void running.outcome.then(() => {
        ended = true;
      });
      const enough = Math.floor((TENANTS * round) / (KILLS + 10));
      while (!ended && ((await bed.counts())[v2] ?? 0) < enough) await sleep(20);
      await sleep(randomInt(50));
      running.kill('SIGKILL');
      if ((await running.outcome).signal === 'SIGKILL') killed += 1;
      if (round % 5 === 0) await bed.tenant(bed.first, ['add', `late-${round}`]);
      if (round % 10 === 0) await bed.tenant(bed.second, ['remove', `late-${round - 5}`, '--no-backup', '--yes']);
    }
    expect(killed).toBe(KILLS);
    const relay = await startCutter(bed.server.port, [TENANTS * 300]);
    await bed.tenant(bed.second, ['rewrap', '--yes'], `mongodb://localhost:${relay.port}/hubbledb`, 30 * 60_000);
    await relay.stop();
    const shards = [0, 1, 2, 3].map((i) =>
      bed.startTenant(bed.second, ['rewrap', '--yes', '--shard', `${i}/4`], bed.server.uri, 30 * 60_000),
    );
    const peaks = await Promise.all(shards.map(peakOf));
    expect((await Promise.all(shards.map(({ outcome }) => outcome))).map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    process.stderr.write(`${TENANTS} tenants, most memory of a shard: ${Math.max(...peaks).toFixed(0)} MiB\n`);
    for (const mib of peaks) expect(mib).toBeLessThan(MOST_MIB);
    const after = await bed.keys();
    expect(await bed.counts()).toEqual({ [v2]: after.size });
    expect(after.size).toBe(TENANTS + Math.floor(KILLS / 5) - Math.floor(KILLS / 10));
    for (const [id, key] of before) if (after.get(id) !== key) expect.fail(`${id} has another key`);
  });
});

describe.skipIf(!soaking || !haveMongodbOrSkip())(`${DOCUMENTS} tenants`, () => {
  let bed: TenantsBed;

  beforeAll(async () => {
    bed = await startTenantsBed();
  });

  afterAll(() => bed?.server.stop());

  it(`are listed, rewrapped and verified in ${MOST_MIB} MiB`, async () => {
    for (let from = 0; from < DOCUMENTS; from += 100_000) {
      const some = Array.from({ length: Math.min(100_000, DOCUMENTS - from) }, (_, i) => `tenant-${from + i}`);
      const added = await bed.tenant(
        bed.first,
        ['add', '--from', fileWith(some.join('\n')), '-q'],
        bed.server.uri,
        HOURS,
      );
      expect(added.code, added.stderr).toBe(0);
    }
    for (const args of [
      ['list', '-q'],
      ['rewrap', '--yes', '-q'],
      ['verify', '-q'],
    ]) {
      const begun = performance.now();
      const running = bed.startTenant(bed.second, args, bed.server.uri, 2 * HOURS);
      const [mib, { code, stderr }] = await Promise.all([peakOf(running), running.outcome]);
      const seconds = ((performance.now() - begun) / 1000).toFixed(0);
      process.stderr.write(`tenant ${args[0]} of ${DOCUMENTS}: ${mib.toFixed(0)} MiB, ${seconds} s\n`);
      expect(code, stderr).toBe(0);
      expect(mib).toBeLessThan(MOST_MIB);
    }
    expect(await bed.counts()).toEqual({ [bed.kids().v2]: DOCUMENTS });
  });
});
