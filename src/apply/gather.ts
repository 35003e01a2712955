import { PaletteKeysError } from '../errors.ts';
import { defaultSpec } from '../installation/defaults.ts';
import { allNamespaces, RECORD_NAME } from '../installation/names.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import { validateSpec } from '../installation/validate.ts';
import { projectionsOf, VERSIONED } from '../inventory/index.ts';
import { type LedgerView, type RecordView, readLedger, readRecord } from '../inventory/ledger-view.ts';
import { generationOf } from '../ledger/metadata.ts';
import { ringsOfLedger } from '../plan/assess.ts';
import type { Snapshot } from '../plan/snapshot.ts';
import type { FoundObject, KeyStore } from '../ports/key-store.ts';
import { formatRef, type ObjectRef } from '../ports/object-ref.ts';

/** Reads at once; a directory and an API server both stand it. */
const PARALLEL = 16;
const ATTEMPTS = 5;

/** What the user asked for. Without a spec the recorded one counts, and where there is no record the default. */
export interface SpecRequest {
  readonly spec: InstallationSpec | undefined;
  /** The platform's namespace (`-n`): for a new installation; one that is there must have it. */
  readonly namespace: string | undefined;
}

/**
 * Reads everything that a decision needs. The snapshot is consistent: no projection in it is newer than
 * the record in it, unless its generation is false; and no record in it is newer than the ledger in it, unless the
 * entry that the record names is gone. With `adopt`, keys made by hand are read too.
 */
export async function gather(store: KeyStore, request: SpecRequest, adopt = false): Promise<Snapshot> {
  const ledgerNamespace = await findLedger(store, request.spec);
  let before: number | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const ledger = await readLedgerNamespace(store, ledgerNamespace);
    const record = readRecord(ledger);
    const spec = chooseSpec(request, record);
    const entries = readLedger(ledger, spec);
    const rings = ringsOfLedger(entries, record);
    const refs = projectionsOf(spec, rings).map(({ ref }) => ref);
    const projections = await readAll(store, refs);
    const generation = generationOfRecord(record);
    if (generation === before || !(isNewer(record, entries) || isOlder(generation, projections.values()))) {
      const missingNamespaces = await store.missingNamespaces(allNamespaces(spec));
      const adoptable = await readAll(store, adopt ? placesToAdoptFrom(spec) : []);
      const specGiven = request.spec !== undefined;
      return { store, spec, specGiven, ledger, projections, adoptable, missingNamespaces };
    }
    before = generation;
  }
  throw new PaletteKeysError('CONFLICT', 'another run is changing the installation at this moment', {
    hint: 'wait until it is done, and run the command again',
  });
}

function chooseSpec({ spec, namespace }: SpecRequest, record: RecordView): InstallationSpec {
  const chosen = spec ?? (record.status === 'sound' ? record.record.spec : newSpec(namespace));
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
async function findLedger(store: KeyStore, requested: InstallationSpec | undefined): Promise<string> {
  const [first, second] = await store.ledgerNamespaces();
  const wanted = requested?.ledgerNamespace;
  if (first !== undefined && second !== undefined) {
    throw new PaletteKeysError('TWO_INSTALLATIONS', `ledgers stand in two namespaces: ${first} and ${second}`, {
      hint: 'keep one installation in one place: move the other one elsewhere; nothing was changed',
    });
  }
  if (first !== undefined && wanted !== undefined && first !== wanted) {
    throw new PaletteKeysError(
      'REFUSED',
      `the ledger stands in ${first}; the spec asks for ledgerNamespace ${wanted}`,
      {
        hint: 'it would make a second root key; set ledgerNamespace as it was, or begin a new installation elsewhere',
      },
    );
  }
  return first ?? wanted ?? defaultSpec().ledgerNamespace;
}

/** What is labelled as ours, and the record even if its labels are lost. */
async function readLedgerNamespace(store: KeyStore, namespace: string): Promise<readonly FoundObject[]> {
  const listed = await store.list(namespace);
  if (readRecord(listed).status !== 'missing' || listed.length === 0) return listed;
  const record = await store.get({ kind: 'ConfigMap', namespace, name: RECORD_NAME });
  if (record === undefined) return listed;
  if (record.damage !== undefined || readRecord([record]).status === 'sound') return [...listed, record];
  throw new PaletteKeysError('REFUSED', `${formatRef(record.ref)} is there, but palette-keys did not write it`, {
    hint: 'move it away: that name is for the record of the installation',
  });
}

function placesToAdoptFrom(spec: InstallationSpec): readonly ObjectRef[] {
  return VERSIONED.flatMap(({ adoption }) => (adoption === undefined ? [] : [adoption.from(spec)]));
}

async function readAll(store: KeyStore, refs: readonly ObjectRef[]): Promise<Map<string, FoundObject>> {
  const found = new Map<string, FoundObject>();
  await inParallel(refs, PARALLEL, async (ref) => {
    const object = await store.get(ref);
    if (object !== undefined) found.set(formatRef(ref), object);
  });
  return found;
}

/** Runs `work` on every item, at most `limit` at once; after a failure no further item is begun. */
export async function inParallel<T>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const index = next++;
      try {
        await work(items[index] as T, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const workers = Array.from({ length: Math.min(limit, items.length) }, worker);
  const results = await Promise.allSettled(workers);
  const rejected = results.find((result) => result.status === 'rejected');
  if (rejected !== undefined) throw rejected.reason;
}

function generationOfRecord(record: RecordView): number {
  return record.status === 'sound' ? record.record.generation : 0;
}

/** True where the record names an entry that the list lacks: it was perhaps written while the list was being made. */
function isNewer(record: RecordView, entries: LedgerView): boolean {
  if (record.status !== 'sound') return false;
  return Object.entries(record.record.keys).some(([kind, { versions }]) =>
    versions.some(({ n, state }) => state !== 'destroyed' && !entries.get(kind)?.some((item) => item.n === n)),
  );
}

/** True where a projection is newer than the record that was read before it: somebody is at work. */
function isOlder(generation: number, projections: Iterable<FoundObject>): boolean {
  return (
    generation > 0 && [...projections].some((found) => found.damage === undefined && generationOf(found) > generation)
  );
}
