/** Rings of every kind, made by the kinds themselves, without any store. */
import type { InstallationSpec } from '../../src/installation/spec.ts';
import { VERSIONED, versionedKind } from '../../src/inventory/index.ts';
import type { VersionedKind } from '../../src/inventory/kind.ts';
import type { KindId } from '../../src/ledger/entry.ts';
import type { Ring, Rings, RingVersion, State } from '../../src/ledger/ring.ts';
import { START } from '../support/clock.ts';
import { seededRandom } from '../support/random.ts';

const random = seededRandom('rings');
export const INSTALLATION = 'f3b0c442-98fc-4c14-9afb-f4c8996fb924';

/** One version of a kind, newly generated. */
export async function versionOf(
  kind: VersionedKind,
  spec: InstallationSpec,
  { n = 1, state = 'active' as State, now = new Date(START), ring = [] as Ring } = {},
): Promise<RingVersion> {
  const draft = await kind.generate(spec, random);
  const material = draft.finish({ installationId: INSTALLATION, n, now, ring });
  const createdAt = `${now.toISOString().slice(0, 19)}Z`;
  return { kind: kind.id, n, createdAt, material, facts: kind.inspect(material), state };
}

/** A ring for every kind that `init` makes; where `states` names a kind, with as many versions. */
export async function ringsOf(
  spec: InstallationSpec,
  states: Readonly<Partial<Record<KindId, readonly State[]>>> = {},
): Promise<Rings> {
  const rings = new Map<KindId, Ring>();
  for (const kind of VERSIONED.filter(({ policy }) => policy.madeByInit)) {
    const versions = (states[kind.id] ?? ['active']).map((state, i) => versionOf(kind, spec, { n: i + 1, state }));
    rings.set(kind.id, await Promise.all(versions));
  }
  return rings;
}

export function kindOf(id: KindId): VersionedKind {
  const kind = versionedKind(id);
  if (kind === undefined) throw new Error(`no kind ${id}`);
  return kind;
}
