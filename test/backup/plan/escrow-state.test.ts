import { describe, expect, test } from 'vitest';
import { type EscrowFacts, escrowState } from '../../../src/backup/plan/escrow-state.ts';

const NOTHING: EscrowFacts = {
  ...{ file: 'e.age', placed: undefined, staged: undefined, noted: [], first: undefined },
  ...{ ledger: 'empty', completed: false },
};
const stateOf = (facts: Partial<EscrowFacts>) => escrowState({ ...NOTHING, ...facts });

describe('the escrow', () => {
  const cases: readonly (readonly [name: string, facts: Partial<EscrowFacts>, state: string])[] = [
    ['of an empty store is made', {}, 'make'],
    ['of an empty store is made anew over what a killed run has left', { staged: 'x' }, 'make'],
    [
      'is made where the ledger has only a part of the first keys',
      { ledger: 'partial', staged: 'x', first: 'x' },
      'make',
    ],
    ['that a killed run has written whole is noted', { ledger: 'whole', staged: 'x', first: 'x' }, 'note'],
    ['that is another one than the first keys carry is made', { ledger: 'whole', staged: 'y', first: 'x' }, 'make'],
    ['that is noted gets its name', { ledger: 'whole', staged: 'x', noted: ['x'] }, 'place'],
    ['that is noted, and was taken away, is done', { ledger: 'whole', noted: ['x'] }, 'done'],
    ['that has its name and is noted is done', { ledger: 'whole', placed: 'x', noted: ['x'] }, 'done'],
    ['that has its name and was never noted is noted', { ledger: 'whole', placed: 'x', first: 'x' }, 'note'],
    ['may be a file of that name of which nothing is known', { ledger: 'whole', placed: 'x' }, 'unknown'],
  ];
  test.each(cases)('%s', (_, facts, state) => {
    expect(stateOf(facts)).toBe(state);
  });
});

describe('an escrow is refused', () => {
  const cases: readonly (readonly [name: string, facts: Partial<EscrowFacts>, code: string, hint: string])[] = [
    ['where its file is there and the store is empty', { placed: 'x' }, 'REFUSED', 'palette-keys restore e.age'],
    [
      'where its file is that of something else',
      { ledger: 'whole', placed: 'y', first: 'x' },
      'REFUSED',
      'name another file',
    ],
    [
      'where its file is there, and another one is noted',
      { ledger: 'whole', placed: 'y', noted: ['x'] },
      'REFUSED',
      'nothing was written',
    ],
    ['once a first run has ended', { ledger: 'whole', completed: true }, 'USAGE', 'palette-keys backup --out e.age'],
  ];
  test.each(cases)('%s', (_, facts, code, hint) => {
    expect(() => stateOf(facts)).toThrow(expect.objectContaining({ code, hint: expect.stringContaining(hint) }));
  });
});
