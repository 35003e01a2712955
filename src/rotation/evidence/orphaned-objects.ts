import { PaletteKeysError } from '../../errors.ts';
import { caBundle } from '../../installation/names.ts';
import { INVENTORY } from '../../inventory/index.ts';
import type { KindId } from '../../ledger/entry.ts';
import { isManaged, LABEL } from '../../ledger/metadata.ts';
import { releasedIn } from '../../ledger/released-places.ts';
import { formatRef, type ObjectRef } from '../../ports/object-ref.ts';
import type { Pod, Workloads } from '../../ports/workloads.ts';
import type { RotationContext } from '../context.ts';
import type { EvidencePorts } from './ports.ts';

/** What Pods use of a kind though the spec no longer names it: no change reaches it. Only names like ours count. */
export async function orphanedObjectsOf(
  { kind, comparison }: Pick<RotationContext, 'kind' | 'comparison'>,
  pods: readonly Pod[],
  { store }: Pick<EvidencePorts, 'store'>,
): Promise<ReadonlySet<string>> {
  const { spec } = comparison.snapshot;
  const named = new Set(comparison.projections.map(({ projection }) => formatRef(projection.ref)));
  const used = pods.filter(({ finished }) => !finished).flatMap(({ uses }) => uses.map(({ object }) => object));
  const others = used.filter((ref) => ref.name.startsWith(spec.namePrefix) && !named.has(formatRef(ref)));
  const orphanedObjects = new Set<string>();
  for (const [name, ref] of new Map(others.map((each) => [formatRef(each), each]))) {
    const label = await labelOf(ref, comparison.installationId, store);
    // What is gone, or may not be read, goes by its name: a Pod may have it all the same.
    const concerns = label === undefined ? isNamedAs(kind, ref, spec) : label === kind || isIssuedBy(label, kind);
    if (concerns) orphanedObjects.add(name);
  }
  return orphanedObjects;
}

/** Pods where a service was until the spec dropped it, for the CA in its bundle; or where nobody can tell. */
export async function podsUsingOrphans(
  { kind, comparison: { record } }: Pick<RotationContext, 'kind' | 'comparison'>,
  seen: readonly string[],
  { store, workloads }: Pick<EvidencePorts, 'store'> & { readonly workloads: Workloads },
): Promise<readonly Pod[] | string> {
  const key = kind === 'internal-ca' && record.status === 'sound' ? record.record.keys[kind] : undefined;
  const pods: Pod[] = [];
  for (const namespace of key === undefined ? [] : releasedIn(key)) {
    if (seen.includes(namespace)) continue;
    try {
      pods.push(...(await workloads.pods([namespace])));
    } catch (error) {
      if (!(error instanceof PaletteKeysError && error.code === 'PERMISSION_DENIED')) throw error;
      // Who may see Pods by a role in each namespace loses it with the namespace.
      const [gone] = await store.missingNamespaces([namespace]);
      if (gone === undefined) return `no access to Pods in ${namespace}, where the spec had a service before`;
    }
  }
  return pods;
}

/** The kind that the object says it is of, empty where it is none of ours; undefined where nobody can tell. */
async function labelOf(
  ref: ObjectRef,
  installationId: string | undefined,
  store: EvidencePorts['store'],
): Promise<string | undefined> {
  try {
    const found = await store.get(ref);
    if (found === undefined || found.damage !== undefined) return undefined;
    for (const bytes of Object.values(found.data)) bytes.fill(0);
    return isManaged(found) && found.labels[LABEL.installation] === installationId ? found.labels[LABEL.kind] : '';
  } catch (error) {
    if (error instanceof PaletteKeysError && error.code === 'PERMISSION_DENIED') return undefined;
    throw error;
  }
}

function isIssuedBy(kind: string, issuer: KindId): boolean {
  return INVENTORY.some(({ id, versioned, dependsOn }) => id === kind && !versioned && dependsOn.includes(issuer));
}

/** Certificates of services, and the bundle that verifies them, are all that a spec can release. */
function isNamedAs(kind: KindId, ref: ObjectRef, spec: Parameters<typeof caBundle>[0]): boolean {
  if (ref.kind === 'ConfigMap') return kind === 'internal-ca' && ref.name === caBundle(spec, ref.namespace).name;
  return ref.name.endsWith('-tls') && (kind === 'internal-ca' || kind === 'service-certificates');
}
