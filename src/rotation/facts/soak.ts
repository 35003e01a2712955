import type { InstallationSpec } from '../../installation/spec.ts';
import { formerJwtIn } from '../../ledger/former-jwt.ts';
import type { KeyRecord } from '../../ledger/record.ts';
import type { Gate, GateInput } from '../gate.ts';

/** The spec as it was until it was made to ask for shorter waits; undefined where it never was. */
export function formerSpecOf(key: Pick<KeyRecord, 'evidence'>, spec: InstallationSpec): GateInput['former'] {
  const former = formerJwtIn(key);
  return former === undefined
    ? undefined
    : { spec: { ...spec, jwt: { ...spec.jwt, ...former.jwt } }, until: former.until };
}

/** In seconds, after all consumers were current: by the spec, or the one before while anything of its time is about. */
export function soakFrom(
  gate: Pick<Gate, 'soak'>,
  type: 'promote' | 'retire',
  { spec, former, compromised }: Pick<GateInput, 'spec' | 'former' | 'compromised'>,
  at: Date,
): number {
  const seconds = gate.soak(type, spec, compromised);
  if (former === undefined) return seconds;
  const before = gate.soak(type, former.spec, compromised);
  return at.getTime() < former.until.getTime() + before * 1000 ? Math.max(seconds, before) : seconds;
}
