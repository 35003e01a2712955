import { describe, expect, test } from 'vitest';
import type { KindId } from '../../src/ledger/kind-id.ts';
import type { Transition } from '../../src/reconcile/plan/change.ts';
import type { ReconcilePlan } from '../../src/reconcile/plan/plan-changes.ts';
import { begin, fold, type History, hasPublished, type RunEvent, resultOf } from '../../src/rotation/history.ts';
import type { Deletion } from '../../src/rotation/rotate-request.ts';
import { secret } from '../support/installations.ts';
import { version } from './bed.ts';
import { historyOf } from './contexts.ts';

const KIND = 'jwt-signing-key';
const ref = secret('ns', 'name');
const read: RunEvent = { type: 'read', versions: [version(1, 'active')], generation: 7 };
const published = moved(2, undefined, 'published');
const deletion: Deletion = { ref, action: 'delete', key: KIND, reason: 'destroyed' };

function moved(n: number, from: Transition['from'], to: Transition['to'], kind: KindId = KIND): Transition {
  return { kind, n, kid: version(n, to).kid, from, to };
}

function applied(transitions: readonly Transition[], actions: readonly string[] = []): RunEvent {
  const steps = actions.map((action) => ({ ref, action, key: KIND, reason: '' }));
  return { type: 'applied', plan: { steps, transitions } as unknown as ReconcilePlan };
}

const following = (...events: readonly RunEvent[]): History => historyOf({ events });

describe('a run that has done nothing', () => {
  test('has written nothing', () => {
    expect(following()).toMatchObject({ wrote: false, transitions: [], steps: [], effects: [], notes: [] });
  });
});

describe('an event changes what is known of the run', () => {
  const cases: readonly (readonly [name: string, events: readonly RunEvent[], expected: Partial<History>])[] = [
    ['a record that was read: its versions and generation', [read], { generation: 7, wrote: false }],
    ['a word that was heard', [{ type: 'heard', word: { for: 7 } }], { word: { for: 7 }, wrote: false }],
    [
      'a completion: what was completed first',
      [
        { type: 'completing', about: 'this rotation' },
        { type: 'completing', about: 'something else' },
      ],
      { completed: 'this rotation' },
    ],
    [
      'a plan that was carried out: its transitions, and its steps but for those that keep an object',
      [read, applied([published], ['create', 'keep'])],
      {
        wrote: true,
        transitions: [published],
        steps: [expect.objectContaining({ action: 'create' })],
        versions: [
          { n: 1, kid: version(1, 'active').kid, state: 'active' },
          { n: 2, kid: published.kid, state: 'published' },
        ],
      },
    ],
    [
      'a plan that moves another kind: its versions are not those of the rotation',
      [read, applied([moved(1, 'active', 'trusted', 'internal-ca')])],
      { versions: [{ n: 1, kid: version(1, 'active').kid, state: 'active' }] },
    ],
    [
      'an entry that was deleted',
      [{ type: 'deleted', deletion }],
      { isDestroyed: true, wrote: true, steps: [deletion] },
    ],
    [
      'an entry that was gone before: nothing was written',
      [{ type: 'deleted', deletion: undefined }],
      { isDestroyed: true, wrote: false, steps: [] },
    ],
    ['an effect', [{ type: 'did', effect: 'restarted a' }], { effects: ['restarted a'], wrote: true }],
    [
      'a note: once, however often it is said',
      [
        { type: 'note', text: 'a' },
        { type: 'note', text: 'b' },
        { type: 'note', text: 'a' },
      ],
      { notes: ['a', 'b'], wrote: false },
    ],
    ['tenant keys that were wrapped anew', [{ type: 'rewrapped', by: 2 }], { rewrapped: 2 }],
    ['tenants that were named as exposed', [{ type: 'exposed' }], { isExposedNamed: true }],
    ['the version that resets are about', [{ type: 'resets', n: 1 }], { resets: 1 }],
    ['the offer to take a word', [{ type: 'offers-word' }], { offersWord: true }],
  ];
  test.each(cases)('%s', (_, events, expected) => {
    expect(following(...events)).toMatchObject(expected);
  });

  test('evidence that was recorded: the last that was named stays', () => {
    const evidence = {};
    const history = following({ type: 'recorded', evidence }, { type: 'recorded' });
    expect(history.recorded).toBe(evidence);
    expect(history.wrote).toBe(true);
  });

  test('versions that stay, users that changed and workloads that were restarted: all of them', () => {
    const history = following(
      ...([1, 2] as const).map((n): RunEvent => ({ type: 'kept', n })),
      { type: 'user', deed: 'create v2' },
      { type: 'user', deed: 'drop v1' },
      { type: 'restarting', workload: 'a', settledAt: 1 },
      { type: 'restarting', workload: 'b', settledAt: 2 },
      { type: 'restarting', workload: 'a', settledAt: 3 },
    );
    expect([...history.kept]).toEqual([1, 2]);
    expect([...history.users]).toEqual(['create v2', 'drop v1']);
    expect(Object.fromEntries(history.restarted)).toEqual({ a: 3, b: 2 });
  });
});

describe('a command that looks again', () => {
  const first = resultOf(following(read, applied([published], ['create']), { type: 'did', effect: 'e' }), {
    done: false,
  });
  const second = begin(KIND, first);

  test('goes on from what it has done before', () => {
    expect(second).toMatchObject({ generation: 7, wrote: true, versions: first.versions, before: first });
    expect(second.transitions).toEqual([]);
  });

  test('ends with all of it, once', () => {
    const promoted = moved(2, 'published', 'active');
    const result = resultOf(fold(second, applied([promoted], ['update'])), { done: true });
    expect(result.transitions).toEqual([published, promoted]);
    expect(result.steps.map(({ action }) => action)).toEqual(['create', 'update']);
    expect(result).toMatchObject({ done: true, effects: ['e'], refused: false, waitingFor: undefined });
  });

  test.each([
    ['before it waited', [], true],
    ['in the present look', [applied([published])], true],
  ] as const)('has made a version that it published %s', (when, events, expected) => {
    const history = when === 'before it waited' ? second : events.reduce(fold, begin(KIND, undefined));
    expect(hasPublished(history)).toBe(expected);
  });

  test('has made none where another kind was published, or a version only moved', () => {
    expect(hasPublished(following(applied([moved(2, undefined, 'published', 'internal-ca')])))).toBe(false);
    expect(hasPublished(following(applied([moved(2, 'published', 'active')])))).toBe(false);
  });
});
