// Covers: src/rotation/evidence/consumers.ts

/** Consumers of the spec that own no Pod: scaled to nothing, or misspelt. The first are current, the second nobody knows. */
import { beforeEach, expect, test } from 'vitest';
import { PaletteKeysError } from '../../src/errors.ts';
import type { Pod, Workloads } from '../../src/ports/workloads.ts';
import { DAY, type ManualClock } from '../support/clock.ts';
import { editRecord } from '../support/installations.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { platform, pod, rotate, statesOf, workloadsOf } from './bed.ts';
import { installedOnce } from './installed.ts';

const JWT = 'jwt-signing-key';
const GATEWAY = 'Deployment/hubble-system/gateway';
const MISSPELT = 'Deployment/hubble-system/gatewy';
const ABSENT = `${MISSPELT} of the spec's consumers is not there: put its name right in the spec, or leave it out`;
let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce();

beforeEach(() => {
  ({ store, clock } = fresh());
});

/** A spec with these consumers of the signing key. */
function declare(...workloads: string[]): void {
  editRecord(store, ({ spec }) => {
    const reading = { object: `palette-${JWT}`, reads: 'keyring', reload: 'restart' };
    spec.consumers = workloads.map((workload) => ({ workload, ...reading }));
  });
}

/** A cluster that has these workloads, of which only some may be seen. */
function cluster(there: readonly string[], pods: readonly Pod[] = [], hidden: readonly string[] = []): Workloads {
  return {
    ...workloadsOf(
      // A Pod that is no concern of the key: where none runs at all, nothing is known.
      () => [...pods, pod('other-1', undefined, { uses: [] })],
      () => new Date(clock.now().getTime() - DAY * 1000),
    ),
    exists: async (workload) => {
      if (hidden.includes(workload)) throw new PaletteKeysError('PERMISSION_DENIED', 'no', { hint: 'x' });
      return there.includes(workload);
    },
  };
}

const go = (workloads: Workloads, options: Parameters<typeof rotate>[2] = {}) =>
  rotate(store, JWT, { clock, workloads, ...options });

/** A Pod that reads the key through the API: nothing that one sees of it names the Secret. */
const reader = (startedAt: Date): Pod => pod('gateway-1', startedAt.toISOString(), { uses: [] });

const old = (): Pod => reader(new Date(clock.now().getTime() - 2 * DAY * 1000));

test('a consumer whose name is misspelt keeps the gate closed, by name, whatever is assumed', async () => {
  declare(MISSPELT);
  for (const assumeConsumersCurrent of [false, true]) {
    const { waitingFor } = await go(cluster([GATEWAY], [old()]), { assumeConsumersCurrent });
    expect(waitingFor).toMatchObject({ blockers: [ABSENT] });
    clock.advance(3600);
  }
  expect(statesOf(store, JWT)).toBe('v1 active, v2 published');
});

test('the old Pods of a consumer are named once its misspelt name is put right', async () => {
  declare(MISSPELT);
  await go(cluster([GATEWAY], [old()]));
  declare(GATEWAY);
  expect((await go(cluster([GATEWAY], [old()]))).waitingFor?.blockers).toEqual([
    expect.stringContaining('Pod hubble-system/gateway-1 of Deployment/hubble-system/gateway'),
  ]);
});

test('a consumer that is there and has no Pods, scaled to nothing or between two runs, is current', async () => {
  const idle = 'CronJob/hubble-system/report';
  declare(GATEWAY, idle);
  const { waitingFor } = await go(cluster([GATEWAY, idle]));
  expect(waitingFor).toMatchObject({ reason: expect.stringContaining('caches'), blockers: [] });
});

test('a consumer whose Pods are there, even ended, is not looked for', async () => {
  declare(GATEWAY, 'CronJob/hubble-system/report');
  const ended = pod('report-1', undefined, { workload: 'Job/hubble-system/report-29000', finished: true, uses: [] });
  const pods = [reader(clock.now()), ended];
  expect((await go(cluster([], pods))).waitingFor?.reason).toContain('caches');
});

test('a consumer that reads another object is no concern of the key', async () => {
  editRecord(store, ({ spec }) => {
    spec.consumers = [{ workload: MISSPELT, object: 'palette-root-key', reads: 'keyring', reload: 'restart' }];
  });
  expect((await go(cluster([]))).waitingFor?.reason).toContain('caches');
});

test('a consumer that the run may not see is unknown, by name, until somebody vouches for it', async () => {
  declare(GATEWAY);
  const workloads = cluster([], [], [GATEWAY]);
  const { waitingFor } = await go(workloads);
  expect(waitingFor).toMatchObject({ stuck: true, onWord: true });
  expect(waitingFor?.reason).toContain(`no access to ${GATEWAY}, one of the spec's consumers, which has no Pods`);
  expect((await go(workloads, { assumeConsumersCurrent: true })).waitingFor?.reason).toContain('caches');
});

test('a consumer that the run may not see stays unknown beside a Pod that was vouched for', async () => {
  declare(GATEWAY);
  const lost = pod('auth-1', '2026-01-01T00:00:00Z', {
    uses: [{ object: platform(JWT), container: 'main', how: 'env' }],
  });
  await go(cluster([GATEWAY], [lost]), { ignoredPods: ['hubble-system/auth-1'] });
  const { waitingFor } = await go(cluster([], [lost], [GATEWAY]));
  expect(waitingFor?.reason).toContain(`no access to ${GATEWAY}`);
});

test('a Pod that is behind is named where another consumer cannot be seen', async () => {
  declare(GATEWAY);
  const lost = pod('auth-1', '2026-01-01T00:00:00Z', {
    uses: [{ object: platform(JWT), container: 'main', how: 'env' }],
  });
  const { waitingFor } = await go(cluster([], [lost], [GATEWAY]));
  expect(waitingFor?.blockers).toEqual([expect.stringContaining('Pod hubble-system/auth-1')]);
});

test('a certificate that is issued anew names a consumer of it that is not there', async () => {
  editRecord(store, ({ spec }) => {
    spec.consumers = [{ workload: MISSPELT, object: 'palette-grpc-tls', reads: 'single', reload: 'restart' }];
  });
  const { done, notes } = await rotate(store, 'grpc-tls', { clock, workloads: cluster([GATEWAY]) });
  expect([done, notes]).toEqual([true, [ABSENT]]);
});
