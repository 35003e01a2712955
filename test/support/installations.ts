/** Installations on a memory store, and runs of `init` on them. */

import { wholeSpec } from '../../src/installation/given.ts';
import { validateSpec } from '../../src/installation/parse/validate.ts';
import type { InstallationSpec } from '../../src/installation/spec.ts';
import { encodeFormer } from '../../src/ledger/former-evidence.ts';
import type { KeyRecord } from '../../src/ledger/record.ts';
import type { KeyStore, NewObject, StoredObject } from '../../src/ports/key-store.ts';
import { formatRef, type ObjectRef } from '../../src/ports/object-ref.ts';
import { COMPLETE, type Intent } from '../../src/reconcile/plan/intent.ts';
import type { ReconcilePlan } from '../../src/reconcile/plan/plan-changes.ts';
import { refuseBlocked } from '../../src/reconcile/plan/refusals.ts';
import type { ApplyPorts } from '../../src/reconcile/ports.ts';
import { planReconcile, reconcile } from '../../src/reconcile/reconcile.ts';
import type { ReconcileRequest } from '../../src/reconcile/request.ts';
import { newLeafKey } from '../../src/reconcile/write/key-pool.ts';
import { ManualClock } from './clock.ts';
import { type MemoryStore, memoryStore, type Snapshot } from './memory-store.ts';
import { seededRandom } from './random.ts';

export const LEDGER = 'palette-keys-system';
export const PLATFORM = 'hubble-system';

/** The smallest installation that has everything: one service, one member, short CA keys. */
export const SMALL = {
  apiVersion: 'palette-keys/v1',
  kind: 'Installation',
  internalCA: { keySize: 2048 },
  clusterCA: { keySize: 2048 },
  serviceCertificates: { services: [{ name: 'auth' }] },
  mongodb: { members: 1 },
  messageBus: {},
};

/** `SMALL` with other values for some of its top-level fields; checked and completed. */
export function smallSpec(changes: object = {}): InstallationSpec {
  return validateSpec({ ...SMALL, ...changes }, 'the test');
}

export interface RunOptions {
  readonly spec?: InstallationSpec | undefined;
  readonly namespace?: string;
  readonly intent?: Intent | undefined;
  readonly clock?: ManualClock;
  /** Seed of the run's random bytes; two runs with one seed would make the same keys. */
  readonly seed?: string;
  readonly signal?: AbortSignal;
  /** Called between the plan and its application. */
  readonly agreed?: (plan: ReconcilePlan) => void | Promise<void>;
}

let runs = 0;

export function portsOn(store: KeyStore, options: RunOptions = {}): ApplyPorts {
  runs += 1;
  return {
    store,
    clock: options.clock ?? new ManualClock(),
    random: seededRandom(options.seed ?? `run ${runs}`),
    actor: { user: 'tester', host: 'bench', command: 'init' },
    toolVersion: '0.1.0',
    emit: () => undefined,
    signal: options.signal ?? new AbortController().signal,
    processors: 2,
    newLeafKey,
  };
}

export function inputOf(options: RunOptions = {}): ReconcileRequest {
  return {
    spec: { spec: options.spec && wholeSpec(options.spec), namespace: options.namespace },
    createNamespaces: true,
    intent: options.intent ?? COMPLETE.intent,
  };
}

/** What the command does: plans, refuses what is blocked, agrees to all the rest, applies. */
export async function init(store: KeyStore, options: RunOptions = {}): Promise<ReconcilePlan> {
  const ports = portsOn(store, options);
  const input = inputOf(options);
  const plan = await planReconcile(input, ports);
  refuseBlocked(plan);
  await options.agreed?.(plan);
  return plan.changes ? reconcile(plan, input, ports) : plan;
}

/** The contents of a store with a fresh installation in it. */
export async function installation(spec: InstallationSpec = smallSpec(), options: RunOptions = {}): Promise<Snapshot> {
  const store = memoryStore();
  await init(store, { spec, ...options });
  return store.snapshot();
}

/** A store with these contents. */
export function storeWith(snapshot: Snapshot): MemoryStore {
  const store = memoryStore();
  store.restore(snapshot);
  return store;
}

export function secret(namespace: string, name: string): ObjectRef {
  return { kind: 'Secret', namespace, name };
}

export function configMap(namespace: string, name: string): ObjectRef {
  return { kind: 'ConfigMap', namespace, name };
}

/** `Secret/<namespace>/<name>` taken apart. */
export function refOf(text: string): ObjectRef {
  const [kind, namespace, name] = text.split('/');
  if ((kind !== 'Secret' && kind !== 'ConfigMap') || namespace === undefined || name === undefined) {
    throw new Error(`not an object: ${text}`);
  }
  return { kind, namespace, name };
}

export function ledgerRef(kind: string, n = 1): ObjectRef {
  return secret(LEDGER, `palette-key-${kind}-v${n}`);
}

export const RECORD = configMap(LEDGER, 'palette-keys-installation');
export const AUDIT = configMap(LEDGER, 'palette-keys-audit');

/** The object of a snapshot; throws where it is not there, or damaged. */
export function objectIn(snapshot: Snapshot, ref: ObjectRef): StoredObject {
  const found = snapshot.objects.find((object) => formatRef(object.ref) === formatRef(ref));
  if (found === undefined || found.damage !== undefined) throw new Error(`no ${formatRef(ref)}`);
  return found;
}

/** Changes an object past the program. */
export function edit(store: MemoryStore, ref: ObjectRef, change: (object: StoredObject) => Partial<NewObject>): void {
  const object = objectIn(store.snapshot(), ref);
  store.put({ ...object, ...change(object) });
}

/** Changes entries of an object past the program; undefined takes one away. */
export function editData(
  store: MemoryStore,
  ref: ObjectRef,
  change: (data: Readonly<Record<string, string>>) => Readonly<Record<string, string | Uint8Array | undefined>>,
): void {
  edit(store, ref, ({ data }) => {
    const texts = Object.fromEntries(
      Object.entries(data).map(([name, bytes]) => [name, Buffer.from(bytes).toString('latin1')]),
    );
    const entries = Object.entries({ ...data, ...change(texts) }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === 'string' ? Buffer.from(value, 'latin1') : value] as const],
    );
    return { data: Object.fromEntries(entries) };
  });
}

/** Puts the entries of the same object of another installation in, as an administrator who mixed two up would. */
export function transplant(store: MemoryStore, ref: ObjectRef, from: Snapshot): void {
  edit(store, ref, () => ({ data: objectIn(from, ref).data }));
}

/** The record as plain data. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into it as a script would
export function recordIn(snapshot: Snapshot): any {
  return JSON.parse(Buffer.from(objectIn(snapshot, RECORD).data['record.json'] ?? []).toString('utf8'));
}

/** The JSON of a record as a build of an older schemaVersion would have it. */
// biome-ignore lint/suspicious/noExplicitAny: as `recordIn`
export function inFormerSchema(record: any, schemaVersion: 1 | 2): object {
  const keys = Object.entries<KeyRecord>(record.keys).map(([kind, key]) => [
    kind,
    { ...key, evidence: encodeFormer(key.evidence) },
  ]);
  return { ...record, schemaVersion, keys: Object.fromEntries(keys) };
}

/** Changes the record past the program. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into it as a script would
export function editRecord(store: MemoryStore, change: (record: any) => unknown): void {
  const record = recordIn(store.snapshot());
  const changed = change(record) ?? record;
  editData(store, RECORD, () => ({ 'record.json': Buffer.from(`${JSON.stringify(changed, undefined, 2)}\n`, 'utf8') }));
}

/** Every line of the audit log, parsed. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into it as a script would
export function auditIn(snapshot: Snapshot): any[] {
  const text = Buffer.from(objectIn(snapshot, AUDIT).data['audit.jsonl'] ?? []).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** One line per object of the ledger, with all that must never change: name → fingerprint of everything but the version. */
/** Without what the first root key notes of the first run. */
export function ledgerFacts(snapshot: Snapshot): ReadonlyMap<string, string> {
  return new Map(
    snapshot.objects
      .filter(({ ref }) => ref.kind === 'Secret' && /^.*key-.+-v\d+$/.test(ref.name) && ref.namespace === LEDGER)
      .map((object) => [formatRef(object.ref), factsOf(withoutNotes(object))]),
  );
}

export function withoutNotes(object: Snapshot['objects'][number]): Snapshot['objects'][number] {
  if (object.damage !== undefined) return object;
  const kept = Object.entries(object.annotations).filter(([name]) => !/^palette-keys[.]dev\/(spec|escrow)/.test(name));
  return { ...object, annotations: Object.fromEntries(kept) };
}

/** Everything of an object but its version, as text that is equal exactly where the objects are. */
export function factsOf(object: Snapshot['objects'][number]): string {
  if (object.damage !== undefined) return `damaged: ${object.damage}`;
  const { type, immutable, labels, annotations, data } = object;
  const bytes = Object.entries(data).map(([name, value]) => [name, Buffer.from(value).toString('base64')]);
  return JSON.stringify([type, immutable, sorted(labels), sorted(annotations), bytes.sort()]);
}

function sorted(record: Readonly<Record<string, string>>): unknown {
  return Object.entries(record).sort();
}
