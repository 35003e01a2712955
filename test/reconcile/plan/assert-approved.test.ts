import { describe, expect, test } from 'vitest';
import { assertApproved, assertCurrent } from '../../../src/reconcile/plan/assert-approved.ts';
import { type Change, inspectOnly } from '../../../src/reconcile/plan/change.ts';
import type { Comparison } from '../../../src/reconcile/plan/compare/compare.ts';
import { type Intent, toChange } from '../../../src/reconcile/plan/intent.ts';
import type { ReconcilePlan } from '../../../src/reconcile/plan/plan-changes.ts';
import { type RunState, startOfRun } from '../../../src/reconcile/plan/run-state.ts';
import type { ObjectStep } from '../../../src/reconcile/plan/step.ts';
import { secret } from '../../support/installations.ts';

const KIND = 'jwt-signing-key';
const COMPLETE: Intent = { type: 'complete' };
const begun = startOfRun([]);
const recorded: RunState = { ...begun, isRecorded: true };
const blocked: ObjectStep = {
  ...{ action: 'blocked', ref: secret('a', 'b'), key: KIND, code: 'PROJECTION_DAMAGED', reason: 'it is not ours' },
  remedy: 'move it away',
} as unknown as ObjectStep;
const plan = (consents: readonly string[], steps: readonly ObjectStep[] = []) =>
  ({ consents, steps, findings: [] }) as unknown as ReconcilePlan;

describe('a plan', () => {
  test.each([
    ['that does what was agreed', ['a', 'b'], ['a', 'b']],
    ['that does less by now', ['a'], ['a', 'b']],
    ['that changes nothing that exists', [], []],
  ])('%s is approved', (_, now, agreed) => {
    expect(() => assertApproved(plan(now), plan(agreed), COMPLETE, begun)).not.toThrow();
  });

  test('that does more to what exists than was agreed is a conflict', () => {
    expect(() => assertApproved(plan(['a', 'c']), plan(['a', 'b']), COMPLETE, begun)).toThrow(
      expect.objectContaining({ code: 'CONFLICT', message: expect.stringContaining('changes more') }),
    );
  });

  test('that is blocked is refused, with the remedy, before the run has written its record', () => {
    expect(() => assertApproved(plan([], [blocked]), plan([]), COMPLETE, begun)).toThrow(
      expect.objectContaining({ code: 'REFUSED', hint: 'move it away' }),
    );
  });

  test('that is blocked after the record was written is a conflict: it would be wrong to say nothing was', () => {
    expect(() => assertApproved(plan([], [blocked]), plan([]), COMPLETE, recorded)).toThrow(
      expect.objectContaining({ code: 'CONFLICT', hint: expect.stringMatching(/^move it away; the same command/) }),
    );
  });

  test('of an import that is blocked after the record was written keeps what others have put there', () => {
    const overwriting = toChange({ ...inspectOnly(KIND), overwrites: true });
    expect(() => assertApproved(plan([], [blocked]), plan([]), overwriting, recorded)).toThrow(
      expect.objectContaining({ code: 'CONFLICT', hint: expect.stringContaining('can come back') }),
    );
  });
});

describe('a change that was decided on one generation of the record', () => {
  const change: Change = { ...inspectOnly(KIND), generation: 7, moves: new Map([[1, 'retired']]) };
  const found = (generation: number | undefined) => {
    const record = generation === undefined ? { status: 'missing' } : { status: 'sound', record: { generation } };
    return { record } as unknown as Comparison;
  };
  const conflict = expect.objectContaining({ code: 'CONFLICT' });

  test('counts for that one', () => {
    expect(() => assertCurrent(found(7), toChange(change), begun)).not.toThrow();
  });

  test.each([8, 6, undefined])('counts for no other: %s', (generation) => {
    expect(() => assertCurrent(found(generation), toChange(change), begun)).toThrow(conflict);
  });

  test('counts for no other where it only issues certificates', () => {
    const reissue = { ...inspectOnly(KIND), generation: 7, reissues: new Set(['SHA256:x']) };
    expect(() => assertCurrent(found(8), toChange(reissue), begun)).toThrow(conflict);
  });

  test('is not asked for again once the run has recorded it', () => {
    expect(() => assertCurrent(found(8), toChange(change), recorded)).not.toThrow();
  });

  test('is none where the run only looks, or completes what the spec asks for', () => {
    expect(() => assertCurrent(found(8), toChange(inspectOnly(KIND)), begun)).not.toThrow();
    expect(() => assertCurrent(found(8), COMPLETE, begun)).not.toThrow();
  });
});
