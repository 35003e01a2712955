import type { VersionRecord } from '../ledger/record.ts';
import type { State } from '../ledger/ring.ts';
import type { RotationStep } from './gate.ts';

export interface LegalMove {
  /** States that a version may be in before; empty for a version that is made. */
  readonly from: readonly State[];
  readonly to: State;
  /** What becomes of the version that was active before. */
  readonly activeBecomes?: State;
}

/** For all kinds; gates differ. A version leaves `destroyed` where a backup has restored its ledger entry. */
export const TRANSITIONS = {
  publish: { from: [], to: 'published' },
  promote: { from: ['published', 'trusted'], to: 'active', activeBecomes: 'trusted' },
  retire: { from: ['published', 'trusted'], to: 'retired' },
  reinstate: { from: ['retired', 'destroyed'], to: 'trusted' },
  destroy: { from: ['retired', 'destroyed'], to: 'destroyed' },
} as const satisfies Record<RotationStep['type'], LegalMove>;

/** Which states a step gives to which versions; empty for `publish`, which adds one. Throws where that is not legal. */
export function movesOf(step: RotationStep, versions: readonly VersionRecord[]): ReadonlyMap<number, State> {
  if (step.type === 'publish') return new Map();
  const { from, to, activeBecomes }: LegalMove = TRANSITIONS[step.type];
  const version = versions.find(({ n }) => n === step.n);
  if (version === undefined || !from.includes(version.state)) {
    throw new Error(`${step.type} v${step.n}: not from ${version?.state ?? 'nothing'}`);
  }
  const active = activeBecomes === undefined ? undefined : versions.find(({ state }) => state === 'active');
  const moves: [number, State][] = [[step.n, to]];
  if (active !== undefined && activeBecomes !== undefined) moves.unshift([active.n, activeBecomes]);
  return new Map(moves);
}
