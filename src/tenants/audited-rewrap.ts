import { thenAudit } from '../reconcile/audit/then-audit.ts';
import { audit } from './audit.ts';
import type { TenantAccess } from './keyring.ts';
import type { Shard } from './plan/shard.ts';
import { applyRewrap, type Rewrapped, type RewrapResult } from './rewrap.ts';
import type { TenantPorts } from './tenants.ts';

/** The same as `applyRewrap`, and tells the audit log how many tenant keys were wrapped anew, also where it fails. */
export function auditedRewrap(
  access: TenantAccess,
  shard: Shard,
  preview: RewrapResult,
  ports: TenantPorts,
): Promise<RewrapResult> {
  const so: Rewrapped = { sure: 0, perhaps: 0 };
  const more = (): string => (so.perhaps === 0 ? '' : `, perhaps ${so.perhaps} more`);
  const done = {
    words: () => (so.sure + so.perhaps === 0 ? undefined : `${so.sure} tenant keys were wrapped anew${more()}`),
    tell: () => audit(`rewrap ${so.sure}${more()}`, [], access, ports),
  };
  return thenAudit(done, () => applyRewrap(access, shard, preview, ports, so));
}
