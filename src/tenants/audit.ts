import { PaletteKeysError } from '../errors.ts';
import { ROOT_KEY } from '../ledger/kind-id.ts';
import type { Lock } from '../ports/key-store.ts';
import type { TenantStore } from '../ports/tenant-store.ts';
import { appendAudit } from '../reconcile/audit/log.ts';
import { lockNow, withLock } from '../reconcile/lock.ts';
import type { ApplyPorts } from '../reconcile/ports.ts';
import type { TenantAccess } from './keyring.ts';
import { showId } from './plan/tenant-id.ts';

/** Ids in one line of the audit log. */
const AUDITED = 20;
const LOCK_ATTEMPTS = 100;
const LOCK_WAIT_MS = 100;

/** One record of the audit log for a run on tenants, which an interruption does not stop: what it tells is done. */
export async function audit(
  action: string,
  ids: readonly string[],
  { record, activeKid }: TenantAccess,
  ports: ApplyPorts & { readonly tenants: TenantStore },
  perhaps: readonly string[] = [],
): Promise<void> {
  const { location } = ports.tenants;
  const objects = [
    ...(ids.length > 0 || perhaps.length === 0 ? [`${tenantsCalled(ids)} in ${location}`] : []),
    ...(perhaps.length > 0 ? [`perhaps ${tenantsCalled(perhaps)} in ${location}`] : []),
  ];
  const changes = objects.map((object) => ({ action, object, key: ROOT_KEY, kid: activeKid }));
  const unstopped = { ...ports, signal: new AbortController().signal };
  await withLock(ports, () => appendAudit(record, { changes, result: 'done' }, unstopped), lockSoon);
}

function tenantsCalled(ids: readonly string[]): string {
  if (ids.length === 0) return 'tenants';
  const more = ids.length > AUDITED ? [`${ids.length - AUDITED} more`] : [];
  return `tenants ${[...ids.slice(0, AUDITED).map(showId), ...more].join(', ')}`;
}

/** The lock, which shards and others at work hold for moments alone. Throws LOCK_HELD where somebody keeps it. */
export async function lockSoon(ports: Parameters<typeof lockNow>[0]): Promise<Lock> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await lockNow(ports);
    } catch (error) {
      const isHeld = error instanceof PaletteKeysError && error.code === 'LOCK_HELD';
      if (!isHeld || attempt === LOCK_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, LOCK_WAIT_MS));
    }
  }
}
