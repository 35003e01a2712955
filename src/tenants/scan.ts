import type { TenantStore } from '../ports/tenant-store.ts';
import type { Emit } from '../progress.ts';
import { type Examined, examineTenant, type TenantFailure } from './plan/examine.ts';
import type { TenantKeyring } from './plan/wrap.ts';

export interface Watch {
  readonly emit: Emit;
  /** Aborted on Ctrl-C; asked before every batch. */
  readonly signal: AbortSignal;
}

/** What one scan of all documents found: evidence for the gates of a rotation of the root key. */
export interface TenantScan {
  readonly total: number;
  /** Well-formed documents by the kid that they are wrapped by, known or not. */
  readonly byKid: Readonly<Record<string, number>>;
  readonly malformed: number;
  /** Well-formed documents whose key no root key of the keyring opens. */
  readonly unopenable: number;
  /** The first of both. */
  readonly failures: readonly TenantFailure[];
}

/** So many failures are named; all are counted. */
const NAMED = 1000;

/** Opens every key, in constant memory. Writes nothing. `visit` sees each before it is wiped; `batches`: an order. */
export async function scanTenants(
  store: TenantStore,
  keyring: TenantKeyring,
  { emit, signal }: Watch,
  visit: (examined: Examined) => void = () => undefined,
  batches = store.scan(),
): Promise<TenantScan> {
  const expected = [...(await store.countByKid()).values()].reduce((sum, count) => sum + count, 0);
  const byKid: Record<string, number> = {};
  const failures: TenantFailure[] = [];
  let [total, malformed, unopenable] = [0, 0, 0];
  emit({ type: 'started', phase: 'tenants', total: expected });
  for await (const batch of batches) {
    signal.throwIfAborted();
    for (const found of batch) {
      const examined = examineTenant(found, keyring);
      const { failure } = examined;
      if (failure !== undefined && failures.length < NAMED) failures.push(failure);
      if (failure?.code === 'TENANT_MALFORMED') malformed += 1;
      else {
        if (failure !== undefined) unopenable += 1;
        const kid = kidOf(found);
        byKid[kid] = (byKid[kid] ?? 0) + 1;
      }
      visit(examined);
      if (examined.failure === undefined) examined.key.fill(0);
    }
    total += batch.length;
    emit({ type: 'advanced', phase: 'tenants', done: total, total: Math.max(total, expected) });
  }
  emit({ type: 'finished', phase: 'tenants' });
  return { total, byKid, malformed, unopenable, failures };
}

function kidOf(found: Readonly<Record<string, unknown>>): string {
  return (found['wrapped'] as { readonly kid: string }).kid;
}
