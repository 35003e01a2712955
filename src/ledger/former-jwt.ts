import { DURATION, parseDuration } from '../installation/duration.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import { isTime } from './entry.ts';
import type { KeyRecord } from './record.ts';
import { isObject } from './text.ts';

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
const ENTRY = 'jwt.before';

/** Undefined where it never said more, or what is noted cannot be read. */
export function formerJwtIn({ evidence }: Pick<KeyRecord, 'evidence'>): FormerJwt | undefined {
  const found = evidence[ENTRY];
  if (!isObject(found)) return undefined;
  const { longestTokenLife, jwksCache, clockSkew, until } = found;
  if (!(isDuration(longestTokenLife) && isDuration(jwksCache) && isDuration(clockSkew))) return undefined;
  if (typeof until !== 'string' || !isTime(until)) return undefined;
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
  const lives = Object.fromEntries(NAMES.map((name) => [name, longest(name)]));
  return { ...key, evidence: { ...key.evidence, [ENTRY]: { ...lives, until: now } } };
}

function sumOf(jwt: FormerJwt['jwt']): number {
  return NAMES.reduce((sum, name) => sum + parseDuration(jwt[name]), 0);
}

function isDuration(value: unknown): value is string {
  return typeof value === 'string' && DURATION.test(value);
}
