import { describe, expect, test } from 'vitest';
import { STATES, type State } from '../../src/ledger/ring.ts';
import type { RotationStep } from '../../src/rotation/gate.ts';
import { movesOf, TRANSITIONS } from '../../src/rotation/transitions.ts';
import { version } from './bed.ts';

type Move = Exclude<RotationStep['type'], 'publish'>;

/** Where each move leads from each state; every pair that is not here is illegal. */
const LEGAL: Readonly<Record<Move, Partial<Record<State, State>>>> = {
  promote: { published: 'active', trusted: 'active' },
  retire: { published: 'retired', trusted: 'retired' },
  reinstate: { retired: 'trusted', destroyed: 'trusted' },
  destroy: { retired: 'destroyed', destroyed: 'destroyed' },
};
const PAIRS = (Object.keys(LEGAL) as Move[]).flatMap((move) => STATES.map((from) => [move, from] as const));
const legal = PAIRS.flatMap(([move, from]) => {
  const to = LEGAL[move][from];
  return to === undefined ? [] : [[move, from, to] as const];
});
const illegal = PAIRS.filter(([move, from]) => LEGAL[move][from] === undefined);

describe('a step', () => {
  test.each(legal)('%s leads a %s version to the state %s', (type, from, to) => {
    const moves = movesOf({ type, n: 1 }, [version(1, from), version(2, 'active')]);
    expect([...moves]).toEqual(
      type === 'promote'
        ? [
            [2, 'trusted'],
            [1, to],
          ]
        : [[1, to]],
    );
  });

  test.each(illegal)('%s of a version that is %s is illegal', (type, from) => {
    expect(() => movesOf({ type, n: 1 }, [version(1, from)])).toThrow(`${type} v1: not from ${from}`);
  });

  test.each(Object.keys(LEGAL) as Move[])('%s of a version that does not exist is illegal', (type) => {
    expect(() => movesOf({ type, n: 3 }, [version(1, 'active')])).toThrow(`${type} v3: not from nothing`);
  });

  test('publish moves no version: it adds one', () => {
    expect(movesOf({ type: 'publish' }, [version(1, 'active')])).toEqual(new Map());
    expect(TRANSITIONS.publish).toEqual({ from: [], to: 'published' });
  });

  test('promote is the only one that makes a version active, or takes that from one', () => {
    expect(Object.entries(TRANSITIONS).filter(([, move]) => move.to === 'active')).toHaveLength(1);
    expect(Object.entries(TRANSITIONS).filter(([, move]) => 'activeBecomes' in move)).toHaveLength(1);
    expect([...movesOf({ type: 'promote', n: 2 }, [version(1, 'active'), version(2, 'published')])]).toEqual([
      [1, 'trusted'],
      [2, 'active'],
    ]);
  });
});
