import type { KeyStore } from '../../ports/key-store.ts';
import { formatRef } from '../../ports/object-ref.ts';
import type { ReconcilePlan } from '../../reconcile/plan/plan-changes.ts';
import { countActions } from './render.ts';

export function initDocument(plan: ReconcilePlan, store: KeyStore, dryRun: boolean) {
  const { installationId, steps, findings, specChanges, orphanedObjects, missingNamespaces } = plan;
  return {
    kind: 'InitResult',
    store: { kind: store.kind, location: store.location },
    installationId: installationId ?? null,
    dryRun,
    steps: steps.map(({ action, ref, key, kid, fingerprint, reason }) => ({
      action,
      object: formatRef(ref),
      key,
      ...(kid === undefined || kid === '' ? {} : { kid }),
      ...(fingerprint === undefined ? {} : { fingerprint }),
      ...(reason === undefined ? {} : { reason }),
    })),
    counts: countActions(steps),
    specChanges,
    released: orphanedObjects,
    namespaces: missingNamespaces,
    findings,
  };
}
