// Covers: src/adapters/kubernetes/workloads/rollout.ts

import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../../src/adapters/kubernetes/json.ts';
import { decodePod } from '../../../../src/adapters/kubernetes/workloads/decode-pod.ts';
import { obstacleOf } from '../../../../src/adapters/kubernetes/workloads/rollout.ts';

const T1 = '2027-01-01T10:00:00Z';
const T2 = '2027-01-01T11:00:00Z';
const container = { name: 'main', volumeMounts: [{ name: 'keys', mountPath: '/keys' }] };

/** A Pod in which one container, of one of the three sorts, mounts a Secret. */
const decode = (status: JsonObject, sort = 'containers') =>
  decodePod({
    metadata: { namespace: 'a', name: 'b' },
    spec: { [sort]: [container], volumes: [{ name: 'keys', secret: { secretName: 'palette-root-key' } }] },
    status,
  });

describe('a container', () => {
  test.each<[string, JsonObject, string | undefined]>([
    ['that runs was started when it says', { running: { startedAt: T2 } }, T2],
    ['that has ended was started when it says', { terminated: { exitCode: 0, startedAt: T2 } }, T2],
    ['that has ended without a time was started no sooner than its Pod', { terminated: { startedAt: null } }, T1],
    ['that runs without a time was started no sooner than its Pod', { running: {} }, T1],
    ['that waits is yet to start', { waiting: { reason: 'CrashLoopBackOff' } }, undefined],
    ['of which nothing is said waits', {}, undefined],
  ])('%s', (_, state, expected) => {
    for (const [sort, statuses] of [
      ['initContainers', 'initContainerStatuses'],
      ['containers', 'containerStatuses'],
    ] as const) {
      const found = decode({ phase: 'Running', startTime: T1, [statuses]: [{ name: 'main', state }] }, sort);
      expect(found.startedAt.get('main')).toEqual(expected === undefined ? undefined : new Date(expected));
      expect(found.uses).toHaveLength(1);
    }
  });

  test('without a status is yet to start in a Pod that is pending alone', () => {
    expect(decode({ phase: 'Pending' }).startedAt).toEqual(new Map());
    expect(decode({ phase: 'Running', startTime: T1 }).startedAt).toEqual(new Map([['main', new Date(T1)]]));
    expect(decode({ phase: 'Unknown' }).startedAt).toEqual(new Map([['main', new Date(0)]]));
  });

  test('that somebody has added for a look around counts while it runs', () => {
    const added = (state: JsonObject) =>
      decode(
        { phase: 'Running', startTime: T1, ephemeralContainerStatuses: [{ name: 'main', state }] },
        'ephemeralContainers',
      );
    expect(added({ running: { startedAt: T2 } })).toMatchObject({
      uses: [{ object: { name: 'palette-root-key' }, container: 'main', how: 'volume' }],
      startedAt: new Map([['main', new Date(T2)]]),
    });
    expect(added({ terminated: { exitCode: 0, startedAt: T2 } })).toMatchObject({ uses: [], startedAt: new Map() });
  });
});

test.each<[string, JsonObject, string | undefined]>([
  ['a Deployment', { strategy: { type: 'RollingUpdate' } }, undefined],
  ['a StatefulSet', { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } } }, undefined],
  ['a Deployment that is paused', { paused: true }, 'kubectl rollout resume'],
  ['what waits for its Pods to be deleted', { updateStrategy: { type: 'OnDelete' } }, 'delete its Pods'],
  ['what keeps some as they are', { updateStrategy: { rollingUpdate: { partition: 2 } } }, 'delete its Pods'],
])('a new template reaches the Pods of %s, or it is said what does', (_, spec, remedy) => {
  expect(obstacleOf({ spec })?.remedy).toEqual(remedy === undefined ? undefined : expect.stringContaining(remedy));
});
