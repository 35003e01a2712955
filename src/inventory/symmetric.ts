import { symmetricKid } from '../crypto/kid.ts';
import { DamagedError } from '../errors.ts';
import { type PlatformSecret, platformSecret } from '../installation/names.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import type { KindId, Material } from '../ledger/entry.ts';
import { decodeKeyring, encodeKeyring } from '../ledger/keyring.ts';
import { activeOf, ringOf } from '../ledger/ring.ts';
import { entry, textEntry, utf8 } from '../ledger/text.ts';
import type { Entries } from '../ports/key-store.ts';
import type { ComputedProjection, HeldKey, VersionedKind } from './kind.ts';

const KEY_BYTES = 32;

/** A 256-bit secret key that workloads mount as raw bytes, with a keyring of all versions that they must know. */
export function symmetricKind(definition: {
  readonly id: KindId & PlatformSecret;
  readonly title: string;
  readonly dependsOn: readonly KindId[];
  /** JOSE name of what the key is for. */
  readonly alg: string;
  /** Name of the projection's entry that holds the active key. */
  readonly entryName: string;
}): VersionedKind {
  const { id, title, dependsOn, alg } = definition;
  return {
    versioned: true,
    id,
    title,
    dependsOn,
    forms: [['key']],
    generate: async (_spec, random) => {
      const key = random.bytes(KEY_BYTES);
      return { finish: () => ({ alg, entries: { key } }) };
    },
    inspect: (material) => ({ kid: kidOf(id, alg, material) }),
    drift: () => undefined,
    projections: (spec) => [projection(definition, spec)],
    adoption: {
      from: (spec) => platformSecret(spec, id),
      takeIn: (entries) => ({ alg, entries: { key: entry(entries, definition.entryName) } }),
    },
    policy: { madeByInit: true, hidesAccepted: false, replaceable: false },
  };
}

function kidOf(id: KindId, alg: string, material: Material): string {
  const key = entry(material.entries, 'key');
  if (key.length !== KEY_BYTES) throw new DamagedError(`the key is not ${KEY_BYTES} bytes long`);
  if (material.alg !== alg) throw new DamagedError('its entry alg contradicts its kind');
  return symmetricKid(id, key);
}

function projection(
  { id, alg, entryName }: { readonly id: KindId & PlatformSecret; readonly alg: string; readonly entryName: string },
  spec: InstallationSpec,
): ComputedProjection {
  return {
    source: 'computed',
    kind: id,
    ref: platformSecret(spec, id),
    type: 'Opaque',
    from: [id],
    compute: async (rings) => {
      const ring = ringOf(rings, id);
      const active = activeOf(ring);
      return {
        [entryName]: entry(active.material.entries, 'key'),
        kid: utf8(active.facts.kid),
        'keyring.json': encodeKeyring(ring),
      };
    },
    inspect: (entries) => inspectProjection(entries, entryName, id, alg),
  };
}

function inspectProjection(entries: Entries, entryName: string, id: KindId, alg: string): readonly HeldKey[] {
  const active: Material = { alg, entries: { key: entry(entries, entryName) } };
  const kid = kidOf(id, alg, active);
  if (kid !== textEntry(entries, 'kid')) throw new DamagedError('the key contradicts its kid');
  const keyring = decodeKeyring(entries, (key) => kidOf(id, alg, { alg, entries: { key } }));
  if (keyring.active !== kid) throw new DamagedError('keyring.json contradicts the kid');
  return keyring.keys.map((key) => ({
    kind: id,
    kid: key.kid,
    state: key.state,
    material: { alg, entries: { key: key.key } },
  }));
}
