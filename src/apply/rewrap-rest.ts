import { PaletteKeysError } from '../errors.ts';
import { replacementsIn } from '../ledger/replacement.ts';
import type { TenantStore } from '../ports/tenant-store.ts';
import { hasScan } from '../rotation/scans.ts';
import { activeVersion, type Step } from '../rotation/situation.ts';
import { showId } from '../tenants/tenant-id.ts';
import { noteScan } from './confirm.ts';
import type { Observation } from './observation.ts';
import { applyRewrap, previewRewrap } from './rewrap.ts';
import type { AdvanceInput, AdvancePorts, Log, Scene } from './rotation-run.ts';
import { named, reachTenants } from './tenant-evidence.ts';
import { audit } from './tenants.ts';

const EVERYTHING = { index: 0, count: 1 };
/** So many tenants are named. */
const NAMED = 20;

/**
 * What has to be done once another root key is active, forwards or backwards: wraps by it every tenant key that one in
 * use before still wraps. Once a run, and before a version is retired. Holds no lock. Returns whether it wrote. Throws
 * TENANT_KEYS_BROKEN, having written nothing, where a key does not open.
 */
export async function rewrapRest(
  step: Step | undefined,
  { input, observation, record }: Scene,
  log: Log,
  ports: AdvancePorts,
): Promise<boolean> {
  const { kind, key } = observation;
  const old = key.versions.filter(({ state }) => state === 'trusted');
  const isLast = step === undefined || (step.type === 'retire' && old.some(({ n }) => n === step.n));
  const isDue = kind === 'root-key' && old.length > 0 && isLast;
  if (!isDue || log.rewrapped || input.rehearses) return false;
  log.rewrapped = true;
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
  const active = activeVersion(key);
  // First: if this run is killed, no scan from before may count for what is found now.
  for (const version of old) {
    if (!hasScan(key, version)) continue;
    await noteScan(record, kind, { old: version, active, unneededAt: undefined }, ports);
    log.wrote = true;
  }
  const { rewrapped, failures } = await applyRewrap(access, EVERYTHING, preview, all);
  log.wrote ||= rewrapped > 0;
  if (rewrapped > 0) await audit(`rewrap ${rewrapped}`, [], access, all);
  if (failures.length > 0) throw broken(failures);
  log.notes.push(`${rewrapped} tenant keys are now wrapped by ${access.activeKid}`);
  return true;
}

/** Says which tenants' keys whoever holds the old root key may hold: wrapping them anew does not change that. */
export async function noteExposed(
  step: Step | undefined,
  { input, observation }: { readonly input: AdvanceInput; readonly observation: Observation },
  log: Log,
  ports: AdvancePorts,
): Promise<void> {
  if (observation.kind !== 'root-key' || !input.compromised || log.exposed) return;
  log.exposed = true;
  const reached = await reachTenants(observation, input, ports);
  if (reached === undefined) return;
  const { key } = observation;
  const { n, since } = activeVersion(key);
  // Before the compromised key is replaced everything is; after that, what was there before.
  const isReplaced = replacementsIn(key).has(n) && step?.type !== 'publish' && step?.type !== 'promote';
  const ids: string[] = [];
  let count = 0;
  for await (const batch of reached.tenants.scan()) {
    ports.signal.throwIfAborted();
    for (const { _id, createdAt } of batch) {
      if (isReplaced && createdAt instanceof Date && createdAt >= new Date(since)) continue;
      count += 1;
      if (ids.length < NAMED) ids.push(showId(_id));
    }
  }
  const more = count > ids.length ? `, and ${count - ids.length} more: palette-keys tenant list names them` : '';
  log.notes.push(
    count === 0
      ? 'no tenant key was wrapped by the old root key'
      : `the platform has to replace the keys of ${count} tenants, and to encrypt their data anew: ${ids.join(', ')}${more}`,
  );
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
