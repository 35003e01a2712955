import { describe, expect, test } from 'vitest';
import type { Pod } from '../../../src/ports/workloads.ts';
import type { StalePod } from '../../../src/rotation/facts/consumers.ts';
import { describeStalePod, NONE_STALE, remarksOn, restartable } from '../../../src/rotation/facts/gathered.ts';
import { pod } from '../bed.ts';
import { gatheredOf } from '../contexts.ts';

const SETTLED = new Date('2027-01-01T00:02:01Z');
const stale = (name: string, change: Partial<Pod> = {}, restarts = true): StalePod => ({
  ...{ pod: pod(name, undefined, change), reason: 'started before the change', restarts },
});
const namesOf = (pods: readonly StalePod[], restarted: ReadonlyMap<string, number> = new Map()): readonly string[] =>
  restartable({ pods, settledAt: SETTLED }, restarted);
const AUTH = 'Deployment/hubble-system/auth';
const MGMT = 'Deployment/hubble-system/mgmt';

describe('a restart gives the change to', () => {
  test('every workload with a Pod that is behind, once, in order', () => {
    expect(namesOf([stale('mgmt-1'), stale('auth-1'), stale('auth-2')])).toEqual([AUTH, MGMT]);
  });

  const none: readonly (readonly [name: string, pod: StalePod])[] = [
    ['no workload of a Pod that only has to wait', stale('auth-1', {}, false)],
    ['no workload of a Pod that is being deleted', stale('auth-1', { leaving: true })],
    ['no Pod that was made by hand', stale('auth-1', { workload: undefined })],
  ];
  test.each(none)('%s', (_, behind) => {
    expect(namesOf([behind])).toEqual([]);
  });

  test('no workload that was restarted for this change, but one that was restarted before it settled', () => {
    const at = SETTLED.getTime();
    expect(namesOf([stale('auth-1')], new Map([[AUTH, at]]))).toEqual([]);
    expect(namesOf([stale('auth-1')], new Map([[AUTH, at - 1]]))).toEqual([AUTH]);
  });

  test('nothing where no Pod is behind', () => {
    expect(restartable(NONE_STALE, new Map())).toEqual([]);
  });
});

describe('for people', () => {
  test('a Pod that is behind has its name, its workload and the reason', () => {
    expect(describeStalePod(stale('auth-1'))).toBe(`Pod hubble-system/auth-1 of ${AUTH}: started before the change`);
    expect(describeStalePod(stale('auth-1', { workload: undefined }))).toBe(
      'Pod hubble-system/auth-1: started before the change',
    );
  });

  test('evidence names what was left out, names that no Pod has, and what could not be probed', () => {
    const gathered = gatheredOf({ leftOut: ['a/b-1'], nameless: ['a/c'], unprobed: ['x does not answer'] });
    expect(gathered && remarksOn(gathered)).toEqual([
      'left out on an earlier word: a/b-1',
      '--ignore-pod a/c: there is no such Pod where the spec has anything',
      'x does not answer',
    ]);
  });
});
