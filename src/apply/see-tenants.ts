import { PaletteKeysError } from '../errors.ts';
import type { TenantsSeen } from '../plan/snapshot.ts';
import type { Clock } from '../ports/clock.ts';
import type { KeyStore } from '../ports/key-store.ts';
import type { TenantStore } from '../ports/tenant-store.ts';
import { showId } from '../tenants/tenant-id.ts';
import { readTenantAccess, type TenantAccess } from './tenant-keyring.ts';

/** Connects, with the credentials of the installation where there is one; undefined where that takes them. */
export type OpenTenants = (access: TenantAccess | undefined) => Promise<TenantStore> | undefined;

/**
 * Counts tenant keys by the root key that wraps them; undefined where the database cannot be asked yet. Reads alone.
 * Throws DATABASE_UNAVAILABLE, DATABASE_UNTRUSTED and DATABASE_DENIED, and USAGE for a connection string that cannot be used;
 * with `lenient` that is an answer too.
 */
export async function seeTenants(
  open: OpenTenants,
  lenient: boolean,
  ledgerNamespace: string,
  ports: { readonly store: KeyStore; readonly clock: Clock },
): Promise<TenantsSeen | undefined> {
  const access = await accessOf(ledgerNamespace, ports);
  try {
    const tenants = await open(access);
    if (tenants === undefined) return undefined;
    try {
      return { status: 'counted', location: tenants.location, byKid: presentable(await tenants.countByKid()) };
    } finally {
      await tenants.close();
    }
  } catch (error) {
    if (!lenient || !(error instanceof PaletteKeysError)) throw error;
    return { status: 'unknown', reason: error.message };
  }
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
async function accessOf(
  ledgerNamespace: string,
  ports: { readonly store: KeyStore; readonly clock: Clock },
): Promise<TenantAccess | undefined> {
  try {
    return await readTenantAccess(ports, ledgerNamespace);
  } catch (error) {
    if (error instanceof PaletteKeysError && (error.code === 'NOT_INSTALLED' || error.code === 'REFUSED'))
      return undefined;
    throw error;
  }
}
