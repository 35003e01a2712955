import { PaletteKeysError } from '../../errors.ts';
import { ROOT_KEY } from '../../ledger/kind-id.ts';
import type { InstallationRecord } from '../../ledger/record.ts';
import type { TenantStore } from '../../ports/tenant-store.ts';
import type { ApplyPorts } from '../../reconcile/ports.ts';
import { readBack } from '../../reconcile/write/record.ts';
import { lockSoon } from '../../tenants/audit.ts';
import { previewRewrap } from '../../tenants/rewrap.ts';
import { noteScan } from '../evidence/confirm.ts';
import { named, reachTenants } from '../evidence/tenants.ts';
import { hasScan } from '../facts/scans.ts';
import { activeVersion } from '../gate.ts';
import type { Action } from '../next-action.ts';
import type { Performed, Performing } from './ports.ts';

const EVERYTHING = { index: 0, count: 1 };

/** Wraps by the active root key what old ones still wrap. No lock. Throws TENANT_KEYS_BROKEN before any write. */
export async function rewrapTenants(
  { old }: Extract<Action, { type: 'rewrap' }>,
  { context, ports, tell }: Performing,
): Promise<Performed> {
  const { kind, key, record } = context;
  const active = activeVersion(key);
  tell({ type: 'rewrapped', by: active.n });
  const reached = await reachTenants(context, ports);
  if (reached === undefined) return 'same';
  const { access, tenants } = reached;
  const oldKids = old.map(({ kid }) => kid);
  if (!(await holdsAny(tenants, oldKids))) return 'same';
  const all = { ...ports, tenants };
  const preview = await previewRewrap(access, EVERYTHING, all);
  if (preview.failures.length > 0) throw broken(preview.failures);
  const action = `wrap ${preview.due} tenant keys by v${active.n} of ${kind}`;
  await ports.agree({ kind, action, plan: undefined, irrevocable: undefined });
  if (await forgetScans(record, ports)) tell({ type: 'recorded' });
  const { rewrapped, failures } = await ports.rewrap(access, EVERYTHING, preview, all);
  if (rewrapped > 0) tell({ type: 'did', effect: `wrapped ${rewrapped} tenant keys anew` });
  if (failures.length > 0) throw broken(failures);
  tell({ type: 'note', text: `${rewrapped} tenant keys are now wrapped by ${access.activeKid}` });
  return 'changed';
}

/**
 * Scans made before tenant keys are wrapped anew count no more. Noted first, for the run may be killed, by the record
 * as it is now: another run may have noted one. Returns whether there was one.
 */
export async function forgetScans({ spec }: InstallationRecord, ports: ApplyPorts): Promise<boolean> {
  const record = (await readBack(ports.store, spec.ledgerNamespace))?.record;
  const key = record?.keys[ROOT_KEY];
  if (record === undefined || key === undefined) return false;
  const active = activeVersion(key);
  const scanned = key.versions.filter((version) => hasScan(key, version));
  for (const old of scanned) {
    await noteScan(record, ROOT_KEY, { old, active, scan: undefined }, ports, lockSoon);
  }
  return scanned.length > 0;
}

async function holdsAny(tenants: TenantStore, kids: readonly string[]): Promise<boolean> {
  for await (const batch of tenants.scan(kids)) if (batch.length > 0) return true;
  return false;
}

function broken(failures: Parameters<typeof named>[0]): PaletteKeysError {
  return new PaletteKeysError('TENANT_KEYS_BROKEN', 'tenant keys do not open: none is wrapped anew', {
    hint: 'palette-keys tenant verify names all of them, and says what helps',
    details: named(failures).map((message) => ({ message })),
  });
}
