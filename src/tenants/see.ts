import { PaletteKeysError } from '../errors.ts';
import { ROOT_KEY } from '../ledger/kind-id.ts';
import type { Clock } from '../ports/clock.ts';
import type { KeyStore } from '../ports/key-store.ts';
import type { TenantStore } from '../ports/tenant-store.ts';
import { RESTORE_THAT, whyStrange } from '../reconcile/plan/findings/tenants.ts';
import type { TenantsCounted, TenantsSeen } from '../reconcile/plan/snapshot.ts';
import { readTenantAccess, type TenantAccess } from './keyring.ts';
import { showId } from './plan/tenant-id.ts';

/** Connects, with the credentials of the installation where there is one; undefined where that takes them. */
export type OpenTenants = (access: TenantAccess | undefined) => Promise<TenantStore> | undefined;

/**
 * Counts tenant keys by root key; undefined where the database cannot be asked yet. Throws DATABASE_UNAVAILABLE,
 * DATABASE_UNTRUSTED, DATABASE_DENIED and USAGE; with `lenient` that is an answer too.
 */
export async function seeTenants(
  open: OpenTenants,
  lenient: boolean,
  access: TenantAccess | undefined,
): Promise<TenantsSeen | undefined> {
  try {
    const tenants = await open(access);
    if (tenants === undefined) return undefined;
    try {
      return await countTenants(tenants);
    } finally {
      await tenants.close();
    }
  } catch (error) {
    if (!lenient || !(error instanceof PaletteKeysError)) throw error;
    return { status: 'unknown', reason: error.message };
  }
}

/** Throws REFUSED where tenant keys are wrapped by a root key that the record does not know: it is older than they are. */
export async function refuseStrangers({ record }: TenantAccess, tenants: TenantStore): Promise<void> {
  const known = new Set(record.keys[ROOT_KEY]?.versions.map(({ kid }) => kid));
  const reason = whyStrange(await countTenants(tenants), known);
  if (reason !== undefined) throw new PaletteKeysError('REFUSED', reason, { hint: RESTORE_THAT });
}

async function countTenants(tenants: TenantStore): Promise<TenantsCounted> {
  return { status: 'counted', location: tenants.location, byKid: presentable(await tenants.countByKid()) };
}

/** Whoever writes to the database writes these kids: they are shown on one line and not endless. Ours stay as they are. */
function presentable(counts: ReadonlyMap<string | undefined, number>): ReadonlyMap<string | undefined, number> {
  const shown = new Map<string | undefined, number>();
  for (const [kid, count] of counts) {
    const name = kid === undefined ? undefined : showId(kid);
    shown.set(name, (shown.get(name) ?? 0) + count);
  }
  return shown;
}

/** Undefined before there is an installation, and while it is not whole: then it has no credentials to offer. */
export async function accessIfWhole(
  ledgerNamespace: string,
  ports: { readonly store: KeyStore; readonly clock: Clock },
): Promise<TenantAccess | undefined> {
  return ifWhole(() => readTenantAccess(ports, ledgerNamespace));
}

/** What `read` reads of an installation; undefined where that is not there, or not whole. */
export async function ifWhole(read: () => TenantAccess | Promise<TenantAccess>): Promise<TenantAccess | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof PaletteKeysError && (error.code === 'NOT_INSTALLED' || error.code === 'REFUSED'))
      return undefined;
    throw error;
  }
}
