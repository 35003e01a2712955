import { parseDuration } from '../installation/duration.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import { itemsOf, withItem } from './evidence.ts';
import type { KeyRecord } from './record.ts';

/**
 * How long tokens lived and key sets were cached until the spec was made to say less: those of before are still about. It
 * stands in the evidence of the kind, for the record keeps no older spec.
 */
export interface FormerJwt {
  readonly jwt: Record<(typeof NAMES)[number], string>;
  /** When the spec was changed. */
  readonly until: Date;
}

type Jwt = InstallationSpec['jwt'];

const NAMES = ['longestTokenLife', 'jwksCache', 'clockSkew'] as const;

/** Undefined where it never said more. */
export function formerJwtIn({ evidence }: Pick<KeyRecord, 'evidence'>): FormerJwt | undefined {
  const found = itemsOf(evidence, 'former-jwt').at(-1);
  if (found === undefined) return undefined;
  const { longestTokenLife, jwksCache, clockSkew, until } = found;
  return { jwt: { longestTokenLife, jwksCache, clockSkew }, until: new Date(until) };
}

/** The key with what its spec said `before`, where it says less from `now` (RFC 3339) on. */
export function withFormerJwt(key: KeyRecord, before: Jwt, next: Jwt, now: string): KeyRecord {
  if (NAMES.every((name) => parseDuration(next[name]) >= parseDuration(before[name]))) return key;
  const former = formerJwtIn(key);
  // What it said before that counts as long as anything of that time may be about.
  const stillCounts = former !== undefined && Date.parse(now) < former.until.getTime() + 1000 * sumOf(former.jwt);
  const longest = (name: (typeof NAMES)[number]): string => {
    const older = stillCounts ? former.jwt[name] : before[name];
    return parseDuration(older) > parseDuration(before[name]) ? older : before[name];
  };
  const [longestTokenLife, jwksCache, clockSkew] = [
    longest('longestTokenLife'),
    longest('jwksCache'),
    longest('clockSkew'),
  ];
  const item = { type: 'former-jwt', longestTokenLife, jwksCache, clockSkew, until: now } as const;
  return { ...key, evidence: withItem(key.evidence, item) };
}

function sumOf(jwt: FormerJwt['jwt']): number {
  return NAMES.reduce((sum, name) => sum + parseDuration(jwt[name]), 0);
}
