import { AUDIT_NAME, allNamespaces, ingressSecret, LEASE_NAME, RECORD_NAME } from '../../installation/names.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import { projectionsOf, VERSIONED } from '../../inventory/index.ts';
import type { AccessNeed } from '../../ports/cluster.ts';
import { formatRef, type ObjectKind, type ObjectRef } from '../../ports/object-ref.ts';

const RESOURCES: Record<ObjectKind, AccessNeed['resource']> = { Secret: 'secrets', ConfigMap: 'configmaps' };

/** What `status` reads: the ledger's namespace as a whole, elsewhere single objects by name. */
export function readingNeeds(spec: InstallationSpec): readonly AccessNeed[] {
  const { ledgerNamespace: namespace } = spec;
  return [
    need('list', 'secrets', namespace),
    need('list', 'configmaps', namespace),
    ...places(spec).map((ref) => need('get', RESOURCES[ref.kind], ref.namespace, ref.name)),
  ];
}

/** Whatever it may find: reads, creates, updates. Never deletes, nor lists outside the ledger's namespace. */
export function initNeeds(spec: InstallationSpec): readonly AccessNeed[] {
  const { ledgerNamespace } = spec;
  const own = [RECORD_NAME, AUDIT_NAME].map((name) => need('update', 'configmaps', ledgerNamespace, name));
  const lease = (['get', 'update'] as const).map((verb) => need(verb, 'leases', ledgerNamespace, LEASE_NAME));
  const ledger = (['Secret', 'ConfigMap'] as const).map((kind) => ({ kind, namespace: ledgerNamespace }));
  const creations = new Map([...places(spec), ...ledger].map((each) => [`${each.namespace}/${each.kind}`, each]));
  return [
    ...readingNeeds(spec),
    ...handmadePlaces(spec).map((ref) => need('get', RESOURCES[ref.kind], ref.namespace, ref.name)),
    need('get', 'secrets', ledgerNamespace),
    need('get', 'configmaps', ledgerNamespace),
    ...own,
    ...lease,
    need('create', 'leases', ledgerNamespace),
    ...[...creations.values()].map(({ kind, namespace }) => need('create', RESOURCES[kind], namespace)),
    ...places(spec).map((ref) => need('update', RESOURCES[ref.kind], ref.namespace, ref.name)),
    ...allNamespaces(spec).map((namespace) => need('create', 'events', namespace)),
    ...allNamespaces(spec).map((namespace) => need('get', 'namespaces', undefined, namespace)),
  ];
}

/** What `import-cert` needs besides, and every run after it: the one Secret that the ingress controller reads. */
export function importNeeds(spec: InstallationSpec): readonly AccessNeed[] {
  const { namespace, name } = ingressSecret(spec);
  return [
    need('get', 'secrets', namespace, name),
    need('update', 'secrets', namespace, name),
    need('create', 'secrets', namespace),
  ];
}

/** Every object that may come to stand in a platform namespace under this spec, for whatever JWT algorithm. */
function places(spec: InstallationSpec): readonly ObjectRef[] {
  return projectionsOf(spec, new Map()).map(({ ref }) => ref);
}

/** Where a key made by hand may stand, and nothing of ours. */
function handmadePlaces(spec: InstallationSpec): readonly ObjectRef[] {
  const ours = new Set(places(spec).map(formatRef));
  return VERSIONED.flatMap(({ adoption }) => (adoption === undefined ? [] : [adoption.from(spec)])).filter(
    (ref) => !ours.has(formatRef(ref)),
  );
}

export function need(
  verb: AccessNeed['verb'],
  resource: AccessNeed['resource'],
  namespace: string | undefined,
  name?: string,
): AccessNeed {
  const group = resource === 'leases' ? 'coordination.k8s.io' : '';
  return { verb, group, resource, namespace, name };
}
