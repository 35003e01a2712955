import { PaletteKeysError } from '../../errors.ts';
import type { InstallationRecord, VersionRecord } from '../../ledger/record.ts';
import { replacementsIn } from '../../ledger/replacement.ts';
import { isObject } from '../../ledger/text.ts';
import type { FoundTenant, TenantStore } from '../../ports/tenant-store.ts';
import type { ApplyPorts } from '../../reconcile/ports.ts';
import { readBack } from '../../reconcile/write/record.ts';
import { lockSoon } from '../../tenants/audit.ts';
import { auditedRewrap } from '../../tenants/audited-rewrap.ts';
import { showId } from '../../tenants/plan/tenant-id.ts';
import { previewRewrap } from '../../tenants/rewrap.ts';
import { noteScan } from '../evidence/confirm.ts';
import type { Observation } from '../evidence/observation.ts';
import { named, reachTenants } from '../evidence/tenants.ts';
import { activeVersion, type RotationStep } from '../gate.ts';
import { hasScan } from '../scans.ts';
import type { RotatePorts, RotateRequest, RotationContext } from './request.ts';
import type { Log } from './rotation-log.ts';

const KIND = 'root-key';
const EVERYTHING = { index: 0, count: 1 };
/** So many tenants are named. */
const NAMED = 20;

/**
 * What has to be done once another root key is active, forwards or backwards: wraps by it every tenant key that one in
 * use before still wraps. Once a run, and before a version is retired. Holds no lock. Returns whether it wrote. Throws
 * TENANT_KEYS_BROKEN, having written nothing, where a key does not open.
 */
export async function rewrapRest(
  step: RotationStep | undefined,
  { input, observation, record }: RotationContext,
  log: Log,
  ports: RotatePorts,
): Promise<boolean> {
  const { kind, key } = observation;
  // A published one too that is given up: after a backup was restored, tenant keys may need it.
  const isOld = ({ n, state }: VersionRecord) =>
    state === 'trusted' || (state === 'published' && step?.type === 'retire' && step.n === n);
  const old = key.versions.filter(isOld);
  const isLast = step === undefined || (step.type === 'retire' && old.some(({ n }) => n === step.n));
  const isDue = kind === KIND && old.length > 0 && isLast;
  if (!isDue || input.dryRun) return false;
  const { n: active } = activeVersion(key);
  if (log.rewrapped === active) return false;
  log.rewrapped = active;
  const reached = await reachTenants(observation, input, ports);
  if (reached === undefined) return false;
  const { access, tenants } = reached;
  const oldKids = old.map(({ kid }) => kid);
  if (!(await holdsAny(tenants, oldKids))) return false;
  const all = { ...ports, tenants };
  const preview = await previewRewrap(access, EVERYTHING, all);
  if (preview.failures.length > 0) throw broken(preview.failures);
  await input.agree({
    kind,
    action: `wrap ${preview.due} tenant keys by the root key ${access.activeKid}`,
    plan: undefined,
    irrevocable: undefined,
  });
  log.wrote ||= await forgetScans(record, ports);
  const { rewrapped, failures } = await auditedRewrap(access, EVERYTHING, preview, all);
  if (rewrapped > 0) log.did(`wrapped ${rewrapped} tenant keys anew`);
  if (failures.length > 0) throw broken(failures);
  log.notes.push(`${rewrapped} tenant keys are now wrapped by ${access.activeKid}`);
  return true;
}

/**
 * No scan counts any more that was made before tenant keys are wrapped anew: there were some under an old root key again.
 * Noted first, so that it holds if the run is killed; by the record as it is now, for another run may have noted one during
 * the preview. Returns whether there was one.
 */
export async function forgetScans({ spec }: InstallationRecord, ports: ApplyPorts): Promise<boolean> {
  const record = (await readBack(ports.store, spec.ledgerNamespace))?.record;
  const key = record?.keys[KIND];
  if (record === undefined || key === undefined) return false;
  const active = activeVersion(key);
  const scanned = key.versions.filter((version) => hasScan(key, version));
  for (const old of scanned) {
    await noteScan(record, KIND, { old, active, scan: undefined }, ports, lockSoon);
  }
  return scanned.length > 0;
}

/** Says which tenants' keys whoever holds the old root key may hold: wrapping them anew does not change that. */
export async function noteExposed(
  step: RotationStep | undefined,
  { input, observation }: { readonly input: RotateRequest; readonly observation: Observation },
  log: Log,
  ports: RotatePorts,
): Promise<void> {
  if (observation.kind !== KIND || !input.compromised || log.exposed) return;
  log.exposed = true;
  const reached = await reachTenants(observation, input, ports);
  if (reached === undefined) return;
  const { key } = observation;
  const { n, since, kid } = activeVersion(key);
  // Before the compromised key is replaced everything is; after that, what was there before, and what was not wrapped by the
  // new one from the beginning: a Pod that has the keyring of before adds tenants under the old one still.
  const isReplaced = replacementsIn(key).has(n) && step?.type !== 'publish' && step?.type !== 'promote';
  const ids: string[] = [];
  let count = 0;
  for await (const batch of reached.tenants.scan()) {
    ports.signal.throwIfAborted();
    for (const found of batch) {
      if (isReplaced && isNewSince(found, since, kid)) continue;
      count += 1;
      if (ids.length < NAMED) ids.push(showId(found['_id']));
    }
  }
  const more = count > ids.length ? `, and ${count - ids.length} more: palette-keys tenant list names them` : '';
  log.notes.push(
    count === 0
      ? 'no tenant key was wrapped by the old root key'
      : `the platform has to replace the keys of ${count} tenants, and to encrypt their data anew: ${ids.join(', ')}${more}`,
  );
}

/** True where a tenant's key was made after that time, and no root key but `kid` has ever wrapped it. */
function isNewSince(found: FoundTenant, since: string, kid: string): boolean {
  const { createdAt, rewrappedAt, wrapped } = found;
  const isNew = createdAt instanceof Date && createdAt >= new Date(since) && rewrappedAt === null;
  return isNew && isObject(wrapped) && wrapped['kid'] === kid;
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
