import { framed } from '../../crypto/frame.ts';
import { deriveWrapKey, seal, unseal, type WrapKey } from '../../crypto/wrap.ts';
import type { VersionRecord } from '../../ledger/record.ts';
import { acceptedOf, type Ring } from '../../ledger/ring.ts';
import { entry, utf8 } from '../../ledger/text.ts';
import type { TenantDocument, WrappedKey } from '../../ports/tenant-store.ts';

const INFO = 'palette-keys/tenant-wrap/v1';
const CONTEXT = 'palette-keys/tenant-key/v1';

export interface TenantKeyring {
  /** By the kid of the root key that each is derived from. */
  readonly wrapKeys: ReadonlyMap<string, WrapKey>;
  /** Kids of root keys that are known, and no longer in use. */
  readonly retired: ReadonlySet<string>;
  readonly destroyed: ReadonlySet<string>;
}

/** The keyring of the root keys that are published, active or trusted; `without` one of them, as if it were retired. */
export function tenantKeyring(ring: Ring, recorded: readonly VersionRecord[], without?: string): TenantKeyring {
  const used = acceptedOf(ring).filter(({ facts }) => facts.kid !== without);
  const destroyed = new Set(recorded.flatMap(({ kid, state }) => (state === 'destroyed' ? [kid] : [])));
  const others = new Set([...used.map(({ facts }) => facts.kid), ...destroyed]);
  return {
    wrapKeys: new Map(
      used.map(({ facts, material }) => [facts.kid, deriveWrapKey(entry(material.entries, 'key'), INFO)]),
    ),
    retired: new Set(ring.map(({ facts }) => facts.kid).filter((kid) => !others.has(kid))),
    destroyed,
  };
}

/** Whose key it is, and how long. */
export type TenantHeader = Pick<TenantDocument, '_id' | 'bits'>;

/** Wraps a tenant key by the root key `kid`. `iv` must be 12 new random bytes. */
export function wrapTenantKey(
  header: TenantHeader,
  key: Uint8Array,
  by: { readonly kid: string; readonly wrapKey: WrapKey; readonly iv: Uint8Array },
): WrappedKey {
  const { kid, wrapKey, iv } = by;
  return { kid, alg: 'A256GCM', iv, ...seal(wrapKey, iv, key, associatedData(header, kid)) };
}

/** The tenant key. Throws DamagedError where it cannot be opened: the key, the tenant or the document is another. */
export function unwrapTenantKey(header: TenantHeader, wrapped: WrappedKey, wrapKey: WrapKey): Uint8Array {
  return unseal(wrapKey, wrapped.iv, wrapped, associatedData(header, wrapped.kid));
}

/** Binds a wrapped key to its tenant, length and root key: none can be put in the place of another. */
function associatedData({ _id, bits }: TenantHeader, kid: string): Uint8Array {
  return framed([CONTEXT, _id, String(bits), kid].map(utf8));
}
