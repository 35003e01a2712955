/**
 * First runs of `init` on a real API server, disturbed: at every single request, and by each other. In the soak every
 * fault at every request, and crowds of twenty, as often as SOAK_SECONDS leave time for; without it a part of them.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServerCertificate, type ServerCertificate } from '../../support/cluster/certificate.ts';
import { findAssetsOrSkip } from '../../support/cluster.ts';
import { type Fault, startFaultProxy } from '../../support/fault-proxy.ts';
import type { Outcome, Running } from '../../support/program.ts';
import { chance } from '../../support/seed.ts';
import { wait } from '../program/kill-rounds.ts';
import { type SpecParts, specFile } from '../program/store.ts';
import { startWarm } from '../program/warm.ts';
import {
  type Bed,
  ledgerOf,
  newPlace,
  type Objects,
  objectsIn,
  type Place,
  recordOf,
  START_MS,
  startBed,
  TINY,
  verdictOn,
  versionsOf,
} from './bed.ts';

const randomInt = chance('first-runs');

const assets = findAssetsOrSkip();
const soaking = process.env['SOAK'] === '1';
const seconds = Number(process.env['SOAK_SECONDS'] ?? 3600);
const end = performance.now() + seconds * 1000;
const timeout = START_MS + (soaking ? seconds * 2000 : 0);
const CROWD = soaking ? 20 : 6;

/** Without the soak, a fault at one request in twenty-five or so. */
const STRIDE = 25;

/** What befalls one request, and whether the run gets over it by itself; else all that follows is refused. */
type Variant = { readonly at: Fault | 'kill'; readonly after?: Fault };

/** The run is cut off from the server: no request that follows is of any use. */
const REVOKED: Fault = { status: 401 };

const VARIANTS: Readonly<Record<string, Variant>> = {
  'the connection cut before the server hears of it': { at: 'cut-before' },
  'the connection cut after the server has acted': { at: 'cut-after' },
  'an internal error': { at: { status: 500 } },
  'a time-out of a balancer after the server has acted': { at: { status: 504, afterServer: true } },
  'too many requests': { at: { status: 429, retryAfter: 1 } },
  'half an answer': { at: 'half-body' },
  'the login revoked': { at: REVOKED, after: REVOKED },
  'the server having acted, unheard, and the login revoked': { at: 'cut-after', after: REVOKED },
  'the run killed': { at: 'kill' },
};

const NAMES_HOLDER =
  /^palette-keys: error: namespace \S+ is locked: 'init' by .+, process \d+ on \S+, since 20\d\d-.* \(renewed \d+ s ago\)$/m;

describe.skipIf(assets === undefined)('first runs of init on a cluster', { timeout }, () => {
  let bed: Bed;
  let certificate: ServerCertificate;
  const warm = startWarm(2);

  beforeAll(async () => {
    certificate = await makeServerCertificate();
    bed = await startBed();
  }, START_MS);

  afterAll(() => bed?.stop());

  const initArgs = ({ config }: Place) => ['init', '--create-namespaces', '--config', config];
  const madeIn = async (place: Place) => objectsIn(place, await bed.objects());

  const recordIn = (objects: Objects, { ledgerNamespace }: Place) =>
    recordOf(objects, `ConfigMap/${ledgerNamespace}/palette-keys-installation`);

  /** No entry of the ledger that was there once is gone, or has been touched. */
  function expectKept(before: Objects, after: Objects): void {
    const entries = ledgerOf(after);
    for (const [ref, text] of ledgerOf(before)) expect(entries.get(ref), `${ref} was touched`).toBe(text);
  }

  async function rerun(place: Place, ...flags: string[]): Promise<Objects> {
    const before = await madeIn(place);
    const args = [...initArgs(place), ...flags, '--kubeconfig', bed.kubeconfig];
    const { code, stderr } = await warm.run(args);
    expect(code, stderr).toBe(0);
    const after = await madeIn(place);
    expectKept(before, after);
    expect(await verdictOn(after)).toBe('everything fits\n');
    return after;
  }

  /** The number of requests of a first run. */
  async function countRequests(): Promise<number> {
    const proxy = await startFaultProxy({ target: bed.cluster, certificate });
    const kubeconfig = await bed.cluster.kubeconfig('admin', { server: proxy });
    await bed.runWell(initArgs(newPlace()), { env: { KUBECONFIG: kubeconfig } });
    await proxy.stop();
    return proxy.requests.length;
  }

  async function round(n: number, name: string, { at, after }: Variant): Promise<void> {
    const place = newPlace();
    let running: Running | undefined;
    const fault = ({ index }: { index: number }): Fault | undefined => {
      if (index === n && at === 'kill') running?.kill('SIGKILL');
      if (index === n) return at === 'kill' ? undefined : at;
      return index > n ? after : undefined;
    };
    const proxy = await startFaultProxy({ target: bed.cluster, fault, certificate });
    try {
      const kubeconfig = await bed.cluster.kubeconfig('admin', { server: proxy });
      running = bed.start(initArgs(place), { env: { KUBECONFIG: kubeconfig } });
      const outcome = await running.outcome;
      const { method, path } = proxy.requests[n] ?? {};
      const what = `${name} at request ${n} (${method} ${path}): ${outcome.stderr}`;
      if (proxy.requests.length > n) expect([outcome.code], what).toEqual(expectedOf(at, after, `${path}`));
    } finally {
      await proxy.stop();
    }
    const before = await madeIn(place);
    const done = await rerun(place);
    if (at !== 'kill' && after === undefined) expect(versionsOf(done)).toEqual(versionsOf(before));
    // And then there is nothing left to do.
    expect(recordIn(done, place)).toMatchObject({ ready: true, generation: 1 });
  }

  /** A run gets over one fault; it ends with 1 where the server is lost to it, unless all is done by then. */
  function expectedOf(at: Variant['at'], after: Fault | undefined, path: string): unknown {
    if (at === 'kill') return [expect.toSatisfy((code) => code === null || code === 0)];
    if (after === undefined) return [0];
    return isCourtesy(path) ? [0] : [expect.toSatisfy((code) => code === 0 || code === 1)];
  }

  describe('a fault at one request', () => {
    it('is got over, or the next run completes: no key is lost or changed', async () => {
      const requests = await countRequests();
      expect(requests).toBeGreaterThan(60);
      const variants = Object.entries(VARIANTS);
      const all = Array.from({ length: requests }, (_, n) => variants.map((variant) => [n, variant] as const)).flat();
      // One variant after the other, spread over the requests; another part of them each time.
      const first = randomInt(STRIDE);
      const some = Array.from({ length: requests }, (_, n) => n)
        .filter((n) => n % STRIDE === first)
        .map((n, turn) => [n, variants[(turn + first) % variants.length] ?? variants[0]] as const);
      const rounds = (soaking ? all : some).values();
      let failed = false;
      const worker = async (): Promise<void> => {
        for (const [n, [name, variant]] of rounds as IterableIterator<(typeof all)[number]>) {
          if (failed || performance.now() > end) return;
          try {
            await round(n, name, variant);
          } catch (error) {
            failed = true;
            throw error;
          }
        }
      };
      await Promise.all(Array.from({ length: 4 }, worker));
    });
  });

  describe(`${CROWD} at once`, () => {
    /** Done, or turned away by a run that is named; nothing else may come of a race. */
    function expectDoneOrTurnedAway(outcomes: readonly Outcome[]): void {
      for (const { code, stderr } of outcomes) {
        expect([0, 1], stderr).toContain(code);
        if (code === 1) expect(stderr).toMatch(NAMES_HOLDER);
        if (code === 1) expect(stderr).toMatch(/^palette-keys: hint: /m);
      }
    }

    const startAll = (place: Place) =>
      Array.from({ length: CROWD }, () => bed.start([...initArgs(place), '-o', 'json']));

    it('make one set of keys; those who are not done name who is at work', async () => {
      const place = newPlace();
      const outcomes = await Promise.all(startAll(place).map(({ outcome }) => outcome));
      expectDoneOrTurnedAway(outcomes);
      const done = outcomes.filter(({ code }) => code === 0).map(({ stdout }) => JSON.parse(stdout));
      expect(done.length).toBeGreaterThan(0);
      const after = await rerun(place);
      const { installationId } = recordIn(after, place);
      for (const document of done) expect(document.installationId).toBe(installationId);
      expect(ledgerOf(after).size).toBe(9);
    });

    it('half of them killed: the next one converges, also where a dead one holds the lock', async () => {
      const place = newPlace();
      const running = startAll(place);
      const victims = running.slice(0, CROWD / 2).map(async (victim) => {
        await wait(randomInt(2500));
        victim.kill('SIGKILL');
      });
      await Promise.all(victims);
      const outcomes = await Promise.all(running.map(({ outcome }) => outcome));
      expectDoneOrTurnedAway(outcomes.filter(({ signal }) => signal !== 'SIGKILL'));
      await rerun(place);
    });

    it('without the lock, which is a courtesy: who creates a key first decides, and the others use it', async () => {
      const place = newPlace();
      const running = startAll(place);
      const all = Promise.all(running.map(({ outcome }) => outcome));
      const lease = `/apis/coordination.k8s.io/v1/namespaces/${place.ledgerNamespace}/leases/palette-keys`;
      const ended = all.then(() => true);
      while (!(await Promise.race([ended, wait(10).then(() => false)]))) await bed.api('DELETE', lease);
      const outcomes = await all;
      for (const { code, stderr } of outcomes) expect([0, 1], stderr).toContain(code);
      const before = await madeIn(place);
      const after = await rerun(place);
      const { installationId } = recordIn(after, place);
      const done = outcomes.filter(({ code }) => code === 0).map(({ stdout }) => JSON.parse(stdout));
      for (const document of done) expect(document.installationId).toBe(installationId);
      if (done.length > 0) expect(versionsOf(after)).toEqual(versionsOf(before));
    });
  });

  describe('two with different specs at once', () => {
    const other: SpecParts = {
      ...TINY,
      jwt: { algorithm: 'EdDSA' },
      serviceCertificates: { services: [{ name: 'auth' }] },
    };

    const names = ({ namespace, ledgerNamespace }: Place) => ({ namespace, ledgerNamespace });

    it.each([
      ['with the lock', false],
      ['without it', true],
    ])('make one set of keys, and the one that is not done is told: %s', async (_, unlocked) => {
      const place = newPlace();
      const theirs = { ...place, config: specFile({ ...other, ...names(place) }) };
      const running = [place, theirs].map((one) => bed.start(initArgs(one)));
      const all = Promise.all(running.map(({ outcome }) => outcome));
      const lease = `/apis/coordination.k8s.io/v1/namespaces/${place.ledgerNamespace}/leases/palette-keys`;
      const ended = all.then(() => true);
      while (!(await Promise.race([ended, wait(10).then(() => false)]))) if (unlocked) await bed.api('DELETE', lease);
      const outcomes = await all;
      for (const { code, stderr } of outcomes) {
        expect([0, 1, 2], stderr).toContain(code);
        // Locked, changed under it, or a change of spec that nobody has agreed to.
        if (code !== 0) expect(stderr).toMatch(/is locked: 'init' by|changed|would change the spec/);
      }
      const before = await madeIn(place);
      const after = await rerun(place, '--yes');
      expect(ledgerOf(after).size).toBe(9);
      expectKept(before, after);
      const last = [...initArgs(theirs), '--yes', '--kubeconfig', bed.kubeconfig];
      const { code, stderr } = await warm.run(last);
      expect(code, stderr).toBe(0);
      expectKept(after, await madeIn(place));
    });
  });
});

/** Events are told once, and giving back the lock is tried for a moment: a run does not fail by them. */
function isCourtesy(path: string): boolean {
  return path.includes('/events');
}
