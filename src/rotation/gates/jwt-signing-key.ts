import { soakFrom } from '../facts/soak.ts';
import { activeVersion, type Gate, OPEN, versionOf } from '../gate.ts';
import { afterCurrent, sumOf } from './consumers.ts';

/** Verifiers cache key sets, and tokens live on: keys are known before they sign, and stay known after. */
export const jwtSigningKey: Gate = {
  conditions: {
    promote: 'every server has the new key set, and caches of the old one have expired',
    retire: 'every signer uses the new key, and the last token of the old one has expired',
  },
  soak: (type, { jwt }, compromised) => {
    if (compromised) return 0;
    return type === 'promote' ? sumOf(jwt.jwksCache, jwt.clockSkew) : sumOf(jwt.longestTokenLife, jwt.clockSkew);
  },
  needs: (input) => {
    const { step, compromised } = input;
    if (compromised || (step.type !== 'promote' && step.type !== 'retire')) return [];
    const entry = step.type === 'promote' ? versionOf(input, step.n) : activeVersion(input);
    return [{ type: 'consumers', entry, acknowledged: step.type === 'promote', reloads: true }];
  },
  decide: (input, { consumers }, now) => {
    const { step, compromised } = input;
    if (compromised || (step.type !== 'promote' && step.type !== 'retire')) return OPEN;
    const reason =
      step.type === 'promote'
        ? 'verifiers may still have the key set from before in their caches'
        : 'tokens of the old key are still valid';
    const at = consumers?.status === 'current' ? consumers.at : now;
    return afterCurrent(consumers, now, { seconds: soakFrom(jwtSigningKey, step.type, input, at), reason });
  },
};
