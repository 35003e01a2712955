import { PaletteKeysError } from '../../errors.ts';
import { defaultSpec } from '../../installation/defaults.ts';
import type { GivenSpec } from '../../installation/given.ts';
import { ledgerSecret } from '../../installation/ledger-name.ts';
import {
  AUDIT_ARCHIVE,
  allNamespaces,
  auditConfigMap,
  RECORD_NAME,
  recordConfigMap,
} from '../../installation/names.ts';
import { validateSpec } from '../../installation/parse/validate.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import { madeByInit, projectionsOf, VERSIONED, versionedKind } from '../../inventory/index.ts';
import type { Projection } from '../../inventory/kind.ts';
import { type LedgerView, type RecordView, readLedger, readRecord } from '../../inventory/ledger-view.ts';
import { isKindId } from '../../ledger/entry.ts';
import { specWithoutRecord } from '../../ledger/known-spec.ts';
import { generationOf, isManaged } from '../../ledger/metadata.ts';
import type { Rings } from '../../ledger/ring.ts';
import type { FoundObject, KeyStore } from '../../ports/key-store.ts';
import { formatRef, type ObjectRef } from '../../ports/object-ref.ts';
import { inParallel } from '../in-parallel.ts';
import { isArchive } from '../plan/audit-log.ts';
import type { Change } from '../plan/change.ts';
import { ringsOfLedger } from '../plan/compare/compare.ts';
import { changeOf, type Intent } from '../plan/intent.ts';
import type { Snapshot } from '../plan/snapshot.ts';

/** Reads at once; a directory and an API server both stand it. */
const PARALLEL = 16;
const ATTEMPTS = 5;

/** What the spec leaves out has its recorded value; the build's default counts for a new installation alone. */
export interface SpecRequest {
  readonly spec: GivenSpec | undefined;
  /** The platform's namespace (`-n`): for a new installation; one that is there must have it. */
  readonly namespace: string | undefined;
  /** Where the ledger is looked for if neither the store nor `spec` tells. */
  readonly ledgerNamespace?: string | undefined;
}

/**
 * Reads everything that a decision needs. No projection in it is newer than the record in it, unless its generation is
 * false; no record newer than the ledger in it, unless the entry that the record names is gone. With an intent, places
 * of keys made by hand are looked at too. `before`: the ledger is read again, the rest taken from there; whoever
 * changed a projection since then makes the write of it fail.
 */
export async function readInstallation(
  store: KeyStore,
  request: SpecRequest,
  intent?: Intent,
  before?: Snapshot,
): Promise<Snapshot> {
  const ledgerNamespace = await findLedger(store, request);
  let last: number | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { ledger, record } = await readLedgerNamespace(store, ledgerNamespace, before);
    const ownSpec = record.status === 'sound' ? record.record.spec : specWithoutRecord(ledger);
    const spec = chooseSpec(request, ownSpec);
    const versions = readLedger(ledger, spec);
    const rings = ringsOfLedger(versions, record);
    const refs = [...projectionsOf(spec, rings), ...addedBy(changeOf(intent), spec, rings)].map(({ ref }) => ref);
    const isFirst = intent !== undefined && before === undefined && ledger.length === 0;
    const handmade = isFirst || intent?.type === 'adopt' ? placesToAdoptFrom(spec) : [];
    const names = isFirst ? namesToTake(spec) : [];
    const places = [...refs, ...handmade, ...names];
    const looked = new Set(before?.looked ?? []);
    const unread = places.filter((ref) => !looked.has(formatRef(ref)));
    const known = before === undefined ? [] : [...before.projections, ...before.adoptable];
    const found = new Map([...known, ...(await readAll(store, unread))]);
    const projections = pick(found, refs);
    const generation = record.status === 'sound' ? record.record.generation : 0;
    if (generation === last || !(isNewer(record, versions) || isOlder(generation, projections.values()))) {
      const seen = new Set([...found.values(), ...ledger].map(({ ref }) => ref.namespace));
      // A folder has a list of its namespaces, which somebody may have got around.
      const needed = namespacesOf(spec, refs);
      const unseen = store.cluster === undefined ? needed : needed.filter((namespace) => !seen.has(namespace));
      const missingNamespaces =
        before?.missingNamespaces ?? (unseen.length === 0 ? [] : await store.missingNamespaces(unseen));
      const leftOut = request.spec?.leftOut;
      const [adoptable, unmanagedObjects] = [pick(found, handmade), unmanagedIn(pick(found, names))];
      for (const ref of places) looked.add(formatRef(ref));
      const keys = { ledger, record, versions };
      const objects = { projections, adoptable, unmanagedObjects, missingNamespaces, looked };
      return { store, spec, leftOut, ownSpec, ...keys, ...objects };
    }
    last = generation;
  }
  throw new PaletteKeysError('CONFLICT', 'another run is changing the installation at this moment', {
    hint: 'wait until it is done, and run the command again',
  });
}

function chooseSpec({ spec, namespace }: SpecRequest, own: InstallationSpec | undefined): InstallationSpec {
  const chosen = spec?.against(own) ?? own ?? newSpec(namespace);
  if (namespace === undefined || chosen.namespace === namespace) return chosen;
  const owner = spec === undefined ? 'the installation is' : "the spec's namespace is";
  throw new PaletteKeysError('USAGE', `-n ${namespace}: ${owner} ${chosen.namespace}`, {
    hint: spec === undefined ? 'leave -n out, or name another store' : 'leave -n out, or set namespace in the spec',
  });
}

function newSpec(namespace: string | undefined): InstallationSpec {
  const { apiVersion, kind } = defaultSpec();
  return namespace === undefined ? defaultSpec() : validateSpec({ apiVersion, kind, namespace }, '-n');
}

/** The namespace of the ledger: where the store has one, else where the spec wants it. */
async function findLedger(store: KeyStore, { spec, ledgerNamespace }: SpecRequest): Promise<string> {
  const [first, second] = await store.ledgerNamespaces();
  const wanted = spec?.ledgerNamespace;
  if (first !== undefined && second !== undefined) {
    throw new PaletteKeysError('TWO_INSTALLATIONS', `ledgers stand in two namespaces: ${first} and ${second}`, {
      hint: 'keep one installation in one place: move the other one elsewhere; nothing was changed',
    });
  }
  if (first !== undefined && wanted !== undefined && first !== wanted) {
    const message = `the ledger stands in ${first}; the spec asks for ledgerNamespace ${wanted}`;
    throw new PaletteKeysError('REFUSED', message, {
      hint: 'it would make a second root key; set ledgerNamespace as it was, or begin a new installation elsewhere',
    });
  }
  return first ?? wanted ?? ledgerNamespace ?? defaultSpec().ledgerNamespace;
}

/** What is labelled as ours, and the record in any case. Full audit logs alone for a lost record: numbers in use. */
async function readLedgerNamespace(
  store: KeyStore,
  namespace: string,
  before: Snapshot | undefined,
): Promise<{ readonly ledger: readonly FoundObject[]; readonly record: RecordView }> {
  const found = await readRecorded(store, namespace);
  if (found.record.status === 'sound' || found.ledger.length === 0) return found;
  // Who has seen a sound record has not read them.
  const unread = before === undefined || before.record.status === 'sound';
  const archives = unread ? await store.list(namespace) : before.ledger;
  return { ...found, ledger: [...found.ledger, ...archives.filter(isArchive)] };
}

async function readRecorded(store: KeyStore, namespace: string) {
  const ledger = await store.list(namespace, AUDIT_ARCHIVE);
  const record = readRecord(ledger);
  if (record.status !== 'missing' || ledger.length === 0) return { ledger, record };
  const object = await store.get({ kind: 'ConfigMap', namespace, name: RECORD_NAME });
  if (object === undefined) return { ledger, record };
  const unlabelled = readRecord([object]);
  if (object.damage === undefined && unlabelled.status !== 'sound') throw nameTaken(object.ref);
  return { ledger: [...ledger, object], record: unlabelled };
}

function namespacesOf(spec: InstallationSpec, refs: readonly ObjectRef[]): readonly string[] {
  return [...new Set([...allNamespaces(spec), ...refs.map(({ namespace }) => namespace)])].sort();
}

/** Objects of a kind that will have its first version. */
function addedBy(change: Change | undefined, spec: InstallationSpec, rings: Rings): readonly Projection[] {
  const kind = change === undefined || rings.has(change.kind) ? undefined : versionedKind(change.kind);
  return kind?.projections(spec, new Map([[kind.id, []]])) ?? [];
}

function placesToAdoptFrom(spec: InstallationSpec): readonly ObjectRef[] {
  return VERSIONED.flatMap(({ adoption }) => (adoption === undefined ? [] : [adoption.from(spec)]));
}

/** Names that a first run writes first of all; the list, which is of labelled objects, would not show who has them. */
function namesToTake(spec: InstallationSpec): readonly ObjectRef[] {
  const keys = madeByInit(spec).map(({ id }) => ledgerSecret(spec, id, 1));
  return [...keys, recordConfigMap(spec), auditConfigMap(spec)];
}

/** Those that are not ours; what is ours, another run has written meanwhile. */
function unmanagedIn(found: ReadonlyMap<string, FoundObject>): ReadonlyMap<string, FoundObject> {
  const unmanagedObjects = [...found].filter(([, object]) => object.damage === undefined && !isManaged(object));
  // A key's name that somebody else has is a step that stands in the way; record and audit log are no steps.
  for (const [, { ref }] of unmanagedObjects) if (ref.kind === 'ConfigMap') throw nameTaken(ref);
  return new Map(unmanagedObjects);
}

function nameTaken(ref: ObjectRef): PaletteKeysError {
  const purpose = ref.name === RECORD_NAME ? 'the record of the installation' : 'the audit log';
  return new PaletteKeysError('REFUSED', `${formatRef(ref)} is there, but palette-keys did not write it`, {
    hint: `move it away: that name is for ${purpose}; if it is ours, put its labels back`,
  });
}

function pick(found: ReadonlyMap<string, FoundObject>, refs: readonly ObjectRef[]): ReadonlyMap<string, FoundObject> {
  const names = new Set(refs.map(formatRef));
  return new Map([...found].filter(([name]) => names.has(name)));
}

async function readAll(store: KeyStore, refs: readonly ObjectRef[]): Promise<Map<string, FoundObject>> {
  const found = new Map<string, FoundObject>();
  const distinct = [...new Map(refs.map((ref) => [formatRef(ref), ref])).values()];
  await inParallel(distinct, PARALLEL, async (ref) => {
    const object = await store.get(ref);
    if (object !== undefined) found.set(formatRef(ref), object);
  });
  return found;
}

/** True where the record names an entry that the list lacks: it was perhaps written while the list was being made. */
function isNewer(record: RecordView, entries: LedgerView): boolean {
  if (record.status !== 'sound') return false;
  return Object.entries(record.record.keys).some(([kind, { versions }]) =>
    versions.some(
      ({ n, state }) => state !== 'destroyed' && !(isKindId(kind) && entries.get(kind)?.some((item) => item.n === n)),
    ),
  );
}

/** True where a projection is newer than the record that was read before it: somebody is at work. */
function isOlder(generation: number, projections: Iterable<FoundObject>): boolean {
  return (
    generation > 0 && [...projections].some((found) => found.damage === undefined && generationOf(found) > generation)
  );
}
