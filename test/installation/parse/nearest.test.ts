import { expect, test } from 'vitest';
import { nearest } from '../../../src/installation/parse/nearest.ts';

test.each<[string, string[], string | undefined]>([
  ['ledgerNamespce', ['namespace', 'ledgerNamespace'], 'ledgerNamespace'],
  ['ledger_namespace', ['namespace', 'ledgerNamespace'], 'ledgerNamespace'],
  ['LEDGER-NAMESPACE', ['namespace', 'ledgerNamespace'], 'ledgerNamespace'],
  ['abdc', ['abxx', 'abcd'], 'abcd'],
  ['jtw', ['jwt', 'kind'], 'jwt'],
  ['qwertz', ['jwt', 'kind'], undefined],
  ['a', ['mongodb'], undefined],
  ['', ['kind'], undefined],
  ['x'.repeat(65), ['x'.repeat(65)], undefined],
  ['x', [], undefined],
])('what "%s" was meant to be among %j is %s', (text, candidates, expected) => {
  expect(nearest(text, candidates)).toBe(expected);
});
