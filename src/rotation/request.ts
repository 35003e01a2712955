import type { VersionRecord } from '../ledger/record.ts';
import type { State } from '../ledger/ring.ts';
import { isReinstated } from './machine.ts';
import type { Step } from './situation.ts';

/** A step that was asked for by name. */
export type Request =
  | { readonly type: 'rollback' }
  | { readonly type: 'retire' | 'reinstate' | 'destroy'; readonly kid: string };

/** What a request comes to: a step, nothing to do, or why it cannot be. */
export type Requested =
  | Step
  | { readonly type: 'done'; readonly reason: string }
  | { readonly type: 'refused'; readonly reason: string; readonly remedy: string };

export function requestedStep(versions: readonly VersionRecord[], request: Request): Requested {
  return request.type === 'rollback' ? rollback(versions) : byKid(versions, request.type, request.kid);
}

/** Back to the newest older version that is still accepted. A published one has no user, and simply goes. */
function rollback(versions: readonly VersionRecord[]): Requested {
  const published = versions.findLast(({ state }) => state === 'published');
  if (published !== undefined) return { type: 'retire', n: published.n };
  const active = versions.find(({ state }) => state === 'active');
  const older = versions.filter(({ n }) => n < (active?.n ?? 0));
  const before = older.findLast(({ state }) => state === 'trusted');
  if (before !== undefined) {
    return isReinstated(before) ? { type: 'promote', n: before.n } : { type: 'promote', n: before.n, back: true };
  }
  const retired = older.findLast(({ state }) => state === 'retired');
  const newer = versions.some(({ n, state }) => n > (active?.n ?? 0) && (state === 'trusted' || state === 'retired'));
  if (retired === undefined || newer) return { type: 'done', reason: 'there is nothing to go back from' };
  return {
    type: 'refused',
    reason: `v${retired.n} is retired: consumers no longer accept it, so going back is not safe any more`,
    remedy: `--reinstate ${retired.kid} first; then --rollback`,
  };
}

const FROM: Record<'retire' | 'reinstate' | 'destroy', { readonly from: readonly State[]; readonly to: State }> = {
  retire: { from: ['published', 'trusted'], to: 'retired' },
  reinstate: { from: ['retired'], to: 'trusted' },
  destroy: { from: ['retired'], to: 'destroyed' },
};

function byKid(versions: readonly VersionRecord[], type: keyof typeof FROM, kid: string): Requested {
  const version = versions.find((candidate) => candidate.kid === kid);
  const { from, to } = FROM[type];
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
