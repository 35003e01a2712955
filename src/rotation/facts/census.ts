import type { CensusEvidence } from '../gate.ts';

type Counted = Extract<CensusEvidence, { status: 'counted' }>;

export function neededOf({ byKid }: Counted, kid: string): number {
  return byKid.get(kid) ?? 0;
}

/** `12 of 40 records in …, users need it`. */
export function describeCensus(census: Counted, kid: string): string {
  return `${neededOf(census, kid)} of ${totalOf(census)} records in ${census.location} need it`;
}

/**
 * Why a count does not tell how many records need a salt: one that names none may need any, and an empty collection may
 * be misspelt. No doubt where `accepted` is 0; `resets` are the flags that say so.
 */
export function doubtOf(
  census: Counted,
  accepted: number | undefined,
  resets = '--accept-resets',
): { readonly reason: string; readonly remedy: string } | undefined {
  const { location, unmarked, strange } = census;
  const total = totalOf(census);
  if (unmarked + strange > 0) {
    return {
      reason: `of ${total} records in ${location}, ${unmarked} name no salt and ${strange} an unknown one: any of them may need it`,
      remedy: 'hashSalt.census.kidField has to name a salt in every record: look at those that it does not',
    };
  }
  if (total > 0 || accepted === 0) return undefined;
  return {
    reason: `${location} holds no record at all: perhaps it is not the collection`,
    remedy: `look at hashSalt.census.collection; if there are no users, ${resets} 0`,
  };
}

function totalOf({ byKid, strange, unmarked }: Counted): number {
  return [...byKid.values()].reduce((sum, count) => sum + count, strange + unmarked);
}
