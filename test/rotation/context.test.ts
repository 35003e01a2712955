import { expect, test } from 'vitest';
import { withFormerJwt } from '../../src/ledger/former-jwt.ts';
import { gateInput } from '../../src/rotation/context.ts';
import { smallSpec } from '../support/installations.ts';
import { version } from './bed.ts';
import { contextOf } from './contexts.ts';

const STEP = { type: 'promote', n: 2 } as const;
const versions = [version(1, 'active'), version(2, 'published')];

test('a gate is asked about the step, with the versions, the spec and the word of the operator', () => {
  const context = contextOf({ kind: 'hash-salt', versions, request: { compromised: true, acceptResets: 3 } });
  expect(gateInput(STEP, context)).toEqual({
    ...{ kind: 'hash-salt', step: STEP, versions, spec: context.record.spec, former: undefined },
    ...{ compromised: true, acceptResets: 3 },
  });
});

test('a gate learns of the spec from before shorter waits were asked for', () => {
  const [before, now] = [
    smallSpec({ jwt: { longestTokenLife: '48h' } }),
    smallSpec({ jwt: { longestTokenLife: '1h' } }),
  ];
  const { evidence } = withFormerJwt({ versions, evidence: [] }, before.jwt, now.jwt, '2027-01-20T00:00:00Z');
  const { former } = gateInput(STEP, contextOf({ versions, evidence, record: { spec: now } }));
  expect(former?.spec.jwt.longestTokenLife).toBe('48h');
  expect(former?.until).toEqual(new Date('2027-01-20T00:00:00Z'));
});
