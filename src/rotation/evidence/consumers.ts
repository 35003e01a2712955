import { PaletteKeysError } from '../../errors.ts';
import { allNamespaces, ingressSecret, serviceNamespaces } from '../../installation/names.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import { formatTime, type KindId } from '../../ledger/entry.ts';
import { formatRef, type ObjectRef } from '../../ports/object-ref.ts';
import type { Pod, Workloads } from '../../ports/workloads.ts';
import type { Comparison } from '../../reconcile/plan/compare/compare.ts';
import type { RotationContext } from '../context.ts';
import { type Confirmation, confirmationOf, noEarlier } from '../facts/confirmation.ts';
import { type Consumption, consumersWithoutPods, settledAt, singleReaders, stalePods } from '../facts/consumers.ts';
import { type Confirmed, describeStalePod, type Gathered, nameOfPod, type StaleConsumers } from '../facts/gathered.ts';
import type { ConsumersEvidence, EvidenceRequest } from '../gate.ts';
import { orphanedObjectsOf, podsUsingOrphans } from './orphaned-objects.ts';
import type { EvidencePorts } from './ports.ts';

/** The clock by which the operator's word is dated may differ so much from the server's, which dates changes. */
const CLOCKS_DIFFER_MS = 2 * 60_000;

type ConsumersSeen = Pick<Gathered, 'confirmed' | 'behind' | 'leftOut' | 'nameless'>;

export async function consumersOf(
  request: Extract<EvidenceRequest, { type: 'consumers' }>,
  context: RotationContext,
  ports: EvidencePorts,
): Promise<{ readonly consumers: ConsumersEvidence } & Partial<ConsumersSeen>> {
  // Whoever started after such a change has loaded something else than what the gate waits for.
  const wrong = projectionsOfKind(context).filter(({ outcome }) => outcome.action !== 'keep');
  if (wrong.length > 0) {
    const blockers = wrong.map(
      ({ projection, outcome: { reason } }) =>
        `${formatRef(projection.ref)}: ${reason}; palette-keys init puts it right`,
    );
    return { consumers: { status: 'behind', blockers } };
  }
  const proof = { kid: request.acknowledged ? request.entry.kid : undefined, reloads: request.reloads };
  const known = confirmationOf(context.key, request.entry, ports.clock.now());
  const isOld = known !== undefined && isOutlived(known, await lastChange(context, ports));
  const counted = isOld ? undefined : known;
  const kept = new Set(counted?.ignored);
  // A confirmation tells since when, and not that it is so still: what has come since is looked at every time.
  const found = await findStaleConsumers(context, proof, ports);
  const isUnseen = typeof found === 'string';
  const pods = isUnseen ? [] : found.pods;
  const nameless = isUnseen ? [] : found.nameless;
  const leftOut = pods.map(({ pod }) => nameOfPod(pod)).filter((name) => kept.has(name));
  const behind = pods.filter(({ pod }) => !kept.has(nameOfPod(pod)));
  if (!isUnseen && behind.length + found.missing.length > 0) {
    const consumers = { status: 'behind', blockers: [...behind.map(describeStalePod), ...found.missing] } as const;
    return { consumers, behind: { ...found, pods: behind }, leftOut, nameless };
  }
  const unknown = isUnseen ? found : found.unknown;
  if (unknown !== undefined && !context.vouched && counted?.by !== 'operator') {
    const { kind, comparison } = context;
    const toCopy = ports.workloads === undefined ? { toCopy: objectsOf(kind, comparison) } : {};
    return { consumers: { status: 'unknown', reason: unknown, ...toCopy }, nameless };
  }
  const ignoredPods = context.request.ignoredPods.filter((name) => !nameless.includes(name));
  // To the second, as the record keeps it.
  const now = new Date(formatTime(ports.clock.now()));
  if (counted !== undefined) {
    const consumers = { status: 'current', at: counted.at } as const;
    const ignored = [...new Set([...counted.ignored, ...ignoredPods])];
    // Who vouches for a Pod does so once, whenever that is: the next run, without the flag, goes on from there.
    if (ignored.length === kept.size) return { consumers, leftOut, nameless };
    // What counts from a time to come would be noted as found out then, and count for nothing until then.
    const at = counted.at > now ? now : counted.at;
    const { by } = counted;
    return { consumers, leftOut, nameless, confirmed: { version: request.entry, by, ignored, instead: counted, at } };
  }
  const by = unknown === undefined ? 'pods' : 'operator';
  const confirmed: Confirmed = { version: request.entry, by, ignored: ignoredPods, instead: known, at: now };
  // As the next run reads what is noted.
  return { consumers: { status: 'current', at: noEarlier(now.getTime(), request.entry) }, confirmed, nameless };
}

/** True where an object was changed after it: whoever was current then may have loaded something else since. */
function isOutlived({ at, by }: Confirmation, changedAt: Date): boolean {
  return changedAt.getTime() > at.getTime() + (by === 'operator' ? CLOCKS_DIFFER_MS : 0);
}

export async function findStaleConsumers(
  { kind, comparison, request: { ignoredPods } }: RotationContext,
  proof: Pick<Consumption, 'kid' | 'reloads'>,
  ports: EvidencePorts,
  only?: readonly ObjectRef[],
): Promise<StaleConsumers | string> {
  const { spec } = comparison.snapshot;
  const pods = await podsOf({ kind, comparison }, ports);
  if (typeof pods === 'string' || ports.workloads === undefined) return String(pods);
  const objects = await changesOf(only ?? objectsOf(kind, comparison), ports.workloads);
  if (typeof objects === 'string') return objects;
  const orphanedObjects =
    only === undefined ? await orphanedObjectsOf({ kind, comparison }, pods, ports) : new Set<string>();
  const consumption = { spec, pods, objects, orphanedObjects, ...proof, ignored: new Set(ignoredPods) };
  const behind = stalePods(consumption, ports.clock.now());
  const refs = [...objects.values()].map(({ ref }) => ref);
  const absent = await absentOf(consumersWithoutPods(spec, pods, refs), ports.workloads);
  const unknown = absent.unknown ?? (isDeserted(spec, pods) ? DESERTED : undefined);
  const named = new Set(pods.map(nameOfPod));
  const nameless = ignoredPods.filter((name) => !named.has(name));
  return { pods: behind, settledAt: settledAt(newestOf(objects)), ...absent, unknown, nameless };
}

const DESERTED = "no Pod runs in the namespaces of the spec's services";

/** Where services should run and nothing does, that nothing is behind proves nothing: they may run elsewhere, or start soon. */
function isDeserted(spec: InstallationSpec, pods: readonly Pod[]): boolean {
  const namespaces = new Set(serviceNamespaces(spec));
  const isThere = pods.some(({ finished, namespace }) => !finished && namespaces.has(namespace));
  return spec.serviceCertificates.services.length > 0 && !isThere;
}

/** Which of the workloads are not there, and of which nobody can tell: a name that is misspelt has no Pods either. */
async function absentOf(
  names: readonly string[],
  workloads: Workloads,
): Promise<Pick<StaleConsumers, 'missing' | 'unknown'>> {
  const missing: string[] = [];
  let unknown: string | undefined;
  for (const name of names) {
    try {
      if (await workloads.exists(name)) continue;
      missing.push(`${name} of the spec's consumers is not there: put its name right in the spec, or leave it out`);
    } catch (error) {
      if (!(error instanceof PaletteKeysError && error.code === 'PERMISSION_DENIED')) throw error;
      unknown ??= `no access to ${name}, one of the spec's consumers, which has no Pods`;
    }
  }
  return { missing, unknown };
}

async function changesOf(refs: readonly ObjectRef[], workloads: Workloads): Promise<Consumption['objects'] | string> {
  const objects = new Map<string, { readonly ref: ObjectRef; readonly changedAt: Date }>();
  for (const ref of refs) {
    const changedAt = await workloads.changedAt(ref);
    if (changedAt === undefined) return `${formatRef(ref)} is not there`;
    objects.set(formatRef(ref), { ref, changedAt });
  }
  return objects;
}

function newestOf(objects: Consumption['objects']): Date {
  return new Date(Math.max(0, ...[...objects.values()].map(({ changedAt }) => changedAt.getTime())));
}

async function lastChange({ kind, comparison }: RotationContext, { workloads }: EvidencePorts): Promise<Date> {
  const objects = workloads === undefined ? '' : await changesOf(objectsOf(kind, comparison), workloads);
  return typeof objects === 'string' ? new Date(0) : newestOf(objects);
}

/** Pods that may use a kind: where the spec names anything, and where it did before. Or why nobody can tell. */
async function podsOf(
  { kind, comparison }: Pick<RotationContext, 'kind' | 'comparison'>,
  { store, workloads }: EvidencePorts,
): Promise<readonly Pod[] | string> {
  if (workloads === undefined) return 'a folder does not show what runs';
  const { spec } = comparison.snapshot;
  const consumers = spec.consumers.map(({ workload }) => workload.split('/')[1] ?? '');
  const namespaces = [...allNamespaces(spec), ingressSecret(spec).namespace, ...consumers];
  try {
    const pods = await workloads.pods([...new Set(namespaces)].filter((name) => name !== spec.ledgerNamespace));
    const others = await podsUsingOrphans({ kind, comparison }, namespaces, { store, workloads });
    return typeof others === 'string' ? others : [...pods, ...others];
  } catch (error) {
    if (error instanceof PaletteKeysError && error.code === 'PERMISSION_DENIED') return 'no access to Pods';
    throw error;
  }
}

/** Who reads the active key alone; undefined where Pods cannot be seen, and the spec declares nobody. */
export async function readers(
  { kind, comparison }: RotationContext,
  ports: EvidencePorts,
): Promise<readonly string[] | undefined> {
  const { spec } = comparison.snapshot;
  const objects = objectsOf(kind, comparison);
  const pods = await podsOf({ kind, comparison }, ports);
  if (typeof pods !== 'string' && !isDeserted(spec, pods)) return singleReaders(spec, pods, objects);
  const isDeclared = spec.consumers.some((consumer) => objects.some(({ name }) => name === consumer.object));
  return isDeclared ? singleReaders(spec, [], objects) : undefined;
}

function objectsOf(kind: KindId, comparison: Comparison): readonly ObjectRef[] {
  return projectionsOfKind({ kind, comparison }).map(({ projection }) => projection.ref);
}

function projectionsOfKind({ kind, comparison }: Pick<RotationContext, 'kind' | 'comparison'>) {
  return comparison.projections.filter(({ projection }) => projection.kind === kind || projection.from.includes(kind));
}
