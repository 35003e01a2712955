import { activeSinceOf, type VersionRecord } from '../ledger/record.ts';
import type { State } from '../ledger/ring.ts';
import type { RotationStep } from './gate.ts';
import { isReinstated } from './machine.ts';
import { type LegalMove, TRANSITIONS } from './transitions.ts';

export type Request =
  | { readonly type: 'rollback' }
  | { readonly type: 'retire' | 'reinstate' | 'destroy'; readonly kid: string };

export type Requested =
  | RotationStep
  | { readonly type: 'done'; readonly reason: string }
  | { readonly type: 'refused'; readonly reason: string; readonly remedy: string };

export function requestedStep(
  versions: readonly VersionRecord[],
  request: Request,
  exposed: ReadonlySet<number>,
): Requested {
  return request.type === 'rollback' ? rollback(versions, exposed) : byKid(versions, request.type, request.kid);
}

/** To the accepted version that was active last, never to one that somebody may hold. A published one simply goes. */
function rollback(versions: readonly VersionRecord[], exposed: ReadonlySet<number>): Requested {
  const published = versions.findLast(({ state }) => state === 'published');
  if (published !== undefined) return { type: 'retire', n: published.n };
  const active = versions.find(({ state }) => state === 'active');
  const used = versions.filter(wasUsed).sort((a, b) => inOrder(activeSinceOf(a), activeSinceOf(b)));
  const older = used.filter(({ n, state }) => n < (active?.n ?? 0) && (state === 'trusted' || state === 'retired'));
  const safe = older.filter(({ n }) => !exposed.has(n));
  const before = safe.findLast(({ state }) => state === 'trusted');
  if (before !== undefined) {
    return isReinstated(before) ? { type: 'promote', n: before.n } : { type: 'promote', n: before.n, back: true };
  }
  const last = safe.at(-1) ?? older.at(-1);
  const isBack = used.some(({ n, state }) => n > (active?.n ?? 0) && (state === 'trusted' || state === 'retired'));
  if (last === undefined || isBack) return { type: 'done', reason: 'there is nothing to go back from' };
  if (exposed.has(last.n)) {
    return {
      type: 'refused',
      reason: `v${last.n} was replaced as compromised: somebody else may hold it`,
      remedy: `go forward: --again makes another one; data that needs v${last.n} opens after --reinstate ${last.kid}`,
    };
  }
  return {
    type: 'refused',
    reason: `v${last.n} is retired: consumers no longer accept it, so going back is not safe any more`,
    remedy: `--reinstate ${last.kid} first; then --rollback`,
  };
}

/** Of what a lost record knew nobody can tell: it begins with another state than `published`. */
function wasUsed(version: VersionRecord): boolean {
  return activeSinceOf(version) !== undefined || version.history[0]?.state !== 'published';
}

function inOrder(a = '', b = ''): number {
  return a < b ? -1 : Number(a > b);
}

function byKid(versions: readonly VersionRecord[], type: 'retire' | 'reinstate' | 'destroy', kid: string): Requested {
  const version = versions.find((candidate) => candidate.kid === kid);
  const { from: legal, to }: LegalMove = TRANSITIONS[type];
  // What is destroyed comes back by its ledger entry, of which the record does not tell.
  const from: readonly State[] = legal.filter((each) => each !== 'destroyed');
  if (version === undefined) {
    const known = versions.map(({ n, kid: its, state }) => `v${n} ${its} (${state})`).join(', ');
    return { type: 'refused', reason: `no version has the kid ${kid}`, remedy: `there are ${known}` };
  }
  const { n, state } = version;
  // Also where it is destroyed already: its entry may still stand in the ledger.
  if (from.includes(state) || (type === 'destroy' && state === 'destroyed')) return { type, n };
  if (state === to) return { type: 'done', reason: `v${n} is ${state} already` };
  const remedy =
    state === 'destroyed'
      ? `where a backup holds it, palette-keys restore FILE brings it back; then --reinstate ${kid}`
      : `first it has to be ${from.join(' or ')}`;
  return { type: 'refused', reason: `v${n} is ${state}`, remedy };
}
