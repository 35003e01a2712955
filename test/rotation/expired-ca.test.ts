// Covers: src/rotation/perform/reissue.ts

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { command, commandWell, writtenSince } from '../backup/bench.ts';
import { DAY, ManualClock } from '../support/clock.ts';
import { editRecord, init, objectIn, recordIn } from '../support/installations.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { project } from '../support/program.ts';
import { onCluster, platform, pod, rotate, statesOf, workloadsOf } from './bed.ts';
import { installedOnce } from './installed.ts';
import { word } from './vouch.ts';

const LEAVES = ['auth-tls', 'mongodb-tls', 'grpc-tls', 'message-bus-tls'];
let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce();

beforeEach(() => {
  ({ store } = fresh());
  clock = new ManualClock();
  clock.advance(3651 * DAY);
});

const runbook = () => readFileSync(path.join(project, 'docs/runbooks/rotate-emergency.md'), 'utf8');

const run = (line: string) => command(store, line.split(' '), { clock });

const entryOf = (name: string, entry: string): string =>
  Buffer.from(objectIn(store.snapshot(), platform(name)).data[entry] ?? []).toString();

/** Certificates of the bundle that workloads mount beside their own. */
const bundleOf = (name: string): number => entryOf(name, 'ca.crt').split('BEGIN CERTIFICATE').length - 1;

/** Which leaves are valid, and issued by a CA of the bundle that is beside them. */
function working(): readonly string[] {
  return LEAVES.filter((name) => {
    const leaf = new X509Certificate(entryOf(name, 'tls.crt'));
    const issuers = entryOf(name, 'ca.crt')
      .split(/(?<=-----END CERTIFICATE-----\n)/)
      .filter((pem) => pem.trim() !== '')
      .map((pem) => new X509Certificate(pem));
    const issuer = issuers.find((ca) => leaf.checkIssued(ca) && leaf.verify(ca.publicKey));
    return [leaf, issuer].every((each) => each !== undefined && new Date(each.validTo) > clock.now());
  });
}

test('an expired CA is replaced at once, every certificate with it, and status is content in the end', async () => {
  const status = await run('status');
  expect([status.code, status.stdout]).toEqual([3, expect.stringContaining('palette-keys rotate internal-ca')]);
  expect(working()).toEqual([]);
  const first = await run('rotate internal-ca --yes');
  expect([first.code, first.stderr]).toEqual([6, expect.stringContaining('--assume-consumers-current')]);
  expect([statesOf(store, 'internal-ca'), working()]).toEqual(['v1 trusted, v2 active', LEAVES]);
  await commandWell(store, ['rotate', 'internal-ca', '--yes', word(store)], { clock });
  expect((await run('rotate cluster-ca --yes')).code).toBe(6);
  expect((await run(`rotate cluster-ca --yes ${word(store)}`)).code).toBe(6);
  await commandWell(store, ['rotate', 'cluster-ca', '--yes', word(store)], { clock });
  expect([statesOf(store, 'internal-ca'), statesOf(store, 'cluster-ca')]).toEqual(
    Array(2).fill('v1 retired, v2 active'),
  );
  expect([working(), bundleOf('auth-tls')]).toEqual([LEAVES, 1]);
  await commandWell(store, ['status'], { clock });
  await commandWell(store, ['init'], { clock });
});

test('the runbook leads from the expired CA to services that work, on a cluster', async () => {
  const section = runbook()
    .split(/^## /m)
    .find((part) => part.startsWith('The internal CA has expired\n'));
  let changedAt = clock.now();
  let startedAt = '2027-01-01T00:00:00Z';
  const uses = [{ object: platform('auth-tls'), container: 'main', how: 'volume' as const }];
  const workloads = workloadsOf(
    () => [pod('auth-1', startedAt, { uses })],
    () => changedAt,
  );
  onCluster(store, clock, workloads);
  const ends: number[] = [];
  for (const [, program, line = ''] of section?.matchAll(/^[$] (palette-keys|kubectl) (.*)$/gm) ?? []) {
    if (program === 'kubectl') {
      clock.advance(121);
      startedAt = clock.now().toISOString();
      continue;
    }
    const was = entryOf('auth-tls', 'tls.crt');
    ends.push((await run(line)).code);
    if (was !== entryOf('auth-tls', 'tls.crt')) changedAt = clock.now();
  }
  expect([ends, statesOf(store, 'internal-ca'), working()]).toEqual([[6, 0, 3], 'v1 retired, v2 active', LEAVES]);
  const { findings } = JSON.parse((await run('status -o json')).stdout);
  const expired = findings.filter(({ code }: { code: string }) => code.includes('EXPIRED'));
  // As the runbook says: that of the clusters is left.
  expect(expired.map(({ subject }: { subject: string }) => subject)).toEqual(['cluster-ca']);
});

test.each([
  ['is published', 'v1 retired, v2 retired, v3 active', false],
  ['is active', 'v1 retired, v2 retired, v3 active', true],
])('a CA that expires when its successor, which %s, has expired too is replaced', async (_, states, promoted) => {
  clock.advance(-11 * DAY);
  await run('rotate internal-ca --yes');
  for (let words = 0; words < (promoted ? 2 : 0); words++) await run(`rotate internal-ca --yes ${word(store)}`);
  clock.advance(8000 * DAY);
  for (let i = 0; i < 4; i++) await run(`rotate internal-ca --yes ${word(store)}`);
  expect([statesOf(store, 'internal-ca'), working()]).toEqual([states, LEAVES]);
});

test('a CA that expires while its successor is published is replaced without a word about consumers', async () => {
  clock.advance(-11 * DAY);
  expect((await run('rotate internal-ca --yes')).code).toBe(6);
  expect([statesOf(store, 'internal-ca'), bundleOf('auth-tls')]).toEqual(['v1 active, v2 published', 2]);
  clock.advance(11 * DAY);
  const refused = await run('init --yes');
  expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining('palette-keys rotate internal-ca')]);
  expect((await run('rotate internal-ca --yes')).code).toBe(6);
  expect([statesOf(store, 'internal-ca'), working()]).toEqual(['v1 trusted, v2 active', LEAVES]);
});

test('rotate --due replaces an expired CA at once, every certificate with it', async () => {
  await run('rotate --due --yes');
  expect([statesOf(store, 'internal-ca'), working()]).toEqual(['v1 trusted, v2 active', LEAVES]);
});

test('the cluster CA, whose bundle stands beside an expired certificate, waits for nobody else’s CA', async () => {
  expect((await run('rotate cluster-ca --yes')).code).toBe(6);
  expect(statesOf(store, 'cluster-ca')).toBe('v1 active, v2 published');
  expect(entryOf('grpc-tls', 'client-ca.crt').split('BEGIN CERTIFICATE')).toHaveLength(3);
});

test('a run that was interrupted while the CA was expired is continued, whatever leaf is missing', async () => {
  let asked = 0;
  const agree = async () => {
    asked += 1;
    if (asked > 1) throw new Error('killed');
  };
  await expect(rotate(store, 'internal-ca', { clock, agree })).rejects.toThrow('killed');
  expect(statesOf(store, 'internal-ca')).toBe('v1 active, v2 published');
  editRecord(store, (record) => {
    record.ready = false;
  });
  store.take(platform('grpc-tls'));
  expect((await run('rotate internal-ca --yes')).code).toBe(6);
  expect([statesOf(store, 'internal-ca'), working()]).toEqual(['v1 trusted, v2 active', LEAVES]);
  expect(recordIn(store.snapshot()).ready).toBe(true);
});

test('certificates are still refused by name while their CA is expired, and nothing is written', async () => {
  const before = store.snapshot();
  const { code, stderr } = await run('rotate grpc-tls --yes');
  expect([code, stderr]).toEqual([5, expect.stringContaining('palette-keys rotate internal-ca')]);
  expect(writtenSince(before, store)).toEqual([]);
});

test('while the CA is valid, its successor waits for consumers as ever', async () => {
  clock.advance(-11 * DAY);
  const uses = [{ object: platform('auth-tls'), container: 'main', how: 'volume' as const }];
  const workloads = workloadsOf(
    () => [pod('auth-1', '2027-01-01T00:00:00Z', { uses })],
    () => clock.now(),
  );
  const { waitingFor } = await rotate(store, 'internal-ca', { clock, workloads });
  expect(waitingFor?.blockers).toEqual([expect.stringContaining('auth-1')]);
  await init(store, { clock });
  expect(statesOf(store, 'internal-ca')).toBe('v1 active, v2 published');
});
