import { PaletteKeysError } from '../../errors.ts';
import { ledgerSecret } from '../../installation/ledger-name.ts';
import { factsOf } from '../../inventory/forms.ts';
import { versionedKind } from '../../inventory/index.ts';
import type { VersionedKind } from '../../inventory/kind.ts';
import { formatTime, installationOf, type LedgerEntry, ledgerObject } from '../../ledger/entry.ts';
import { ROOT_KEY } from '../../ledger/kind-id.ts';
import { specDigest } from '../../ledger/known-spec.ts';
import { ANNOTATION, isManaged } from '../../ledger/metadata.ts';
import { formatRef, type ObjectRef } from '../../ports/object-ref.ts';
import { StoreChangedError } from '../errors.ts';
import type { FirstKeys } from '../escrow-hook.ts';
import { inParallel } from '../in-parallel.ts';
import type { Comparison } from '../plan/compare/compare.ts';
import { numberOf, type VersionItem } from '../plan/compare/version-item.ts';
import type { ApplyPorts } from '../ports.ts';
import type { KeyPool } from './key-pool.ts';
import { openRecord } from './record.ts';

interface MissingEntry {
  readonly kind: VersionedKind;
  readonly n: number;
  make(): Promise<LedgerEntry>;
}

/** What the ledger lacks, not written yet, and the installation that it will belong to. */
export interface LedgerDraft extends FirstKeys {
  readonly missing: readonly MissingEntry[];
}

export function draftLedger(comparison: Comparison, keys: KeyPool, { clock, random }: ApplyPorts): LedgerDraft {
  const installationId = comparison.installationId ?? labelledId(comparison) ?? newInstallationId(random.bytes(16));
  const newEntry = async (kind: VersionedKind, item: Writable): Promise<LedgerEntry> => {
    if (item.action !== 'create') return item.version;
    const draft = await keys.draft(kind.id);
    const now = clock.now();
    const material = draft.finish({ installationId, n: item.n, now, ring: comparison.rings.get(kind.id) ?? [] });
    // What cannot be read back is never stored.
    return { kind: kind.id, n: item.n, createdAt: formatTime(now), material, facts: factsOf(kind, material) };
  };
  const missing = missingIn(comparison).map(({ kind, item }) => ({
    ...{ kind, n: numberOf(item) },
    make: once(() => newEntry(kind, item)),
  }));
  return { installationId, missing, entries: () => Promise.all(missing.map(({ make }) => make())) };
}

/**
 * The first root key goes first, with `notes`: its create decides the installation's id. The record with the spec is
 * next, before any other key. A lost race throws StoreChangedError.
 */
export async function writeLedger(
  draft: LedgerDraft,
  comparison: Comparison,
  notes: Readonly<Record<string, string>>,
  ports: ApplyPorts,
): Promise<void> {
  const { emit } = ports;
  const { missing, installationId } = draft;
  const { spec } = comparison.snapshot;
  const total = missing.length;
  const first = missing.find(({ kind, n }) => kind.id === ROOT_KEY && n === 1);
  emit({ type: 'started', phase: 'ledger', total });
  let done = 0;
  const write = async ({ make }: MissingEntry, annotations = {}): Promise<void> => {
    const entry = await make();
    await createEntry(ledgerSecret(spec, entry.kind, entry.n), entry, { installationId, notes: annotations }, ports);
    emit({ type: 'advanced', phase: 'ledger', done: ++done, total });
  };
  if (first !== undefined) await write(first, { [ANNOTATION.spec]: specDigest(spec), ...notes });
  await openRecord(comparison, { installationId, first: await first?.make() }, ports);
  const others = missing.filter((entry) => entry !== first);
  await inParallel(others, 8, (entry) => write(entry));
  emit({ type: 'finished', phase: 'ledger' });
}

/** Throws StoreChangedError where a version still has no entry, though all were written. */
export function assertLedgerWhole({ versions, ledger }: Comparison): void {
  const lacks = [...versions].some(([kind, items]) =>
    items.some((item) => item.action !== 'blocked' && !ledger.get(kind)?.some(({ n }) => n === numberOf(item))),
  );
  if (lacks) throw new StoreChangedError('a ledger entry is gone again');
}

async function createEntry(
  ref: ObjectRef,
  entry: LedgerEntry,
  facts: { readonly installationId: string; readonly notes: Readonly<Record<string, string>> },
  { store, toolVersion, signal }: ApplyPorts,
): Promise<void> {
  signal.throwIfAborted();
  if ((await store.create(ledgerObject(ref, entry, { ...facts, toolVersion }))) !== 'exists') return;
  // The name is taken: by another run, whose entry will be read, or by something that is not ours.
  const found = await store.get(ref);
  if (found === undefined || found.damage !== undefined || isManaged(found)) {
    throw new StoreChangedError(`${formatRef(ref)} was made by another run`);
  }
  throw new PaletteKeysError('REFUSED', `${formatRef(ref)} is there, but palette-keys did not write it`, {
    hint: 'move it away: that name is for an entry of the ledger',
  });
}

type Writable = Exclude<VersionItem, { action: 'blocked' | 'keep' }>;

function missingIn({ versions, ledger }: Comparison) {
  return [...versions].flatMap(([id, items]) => {
    const kind = versionedKind(id);
    const present = new Set(ledger.get(id)?.map(({ n }) => n));
    return items.flatMap((item) => {
      if (kind === undefined || item.action === 'blocked' || item.action === 'keep') return [];
      return present.has(numberOf(item)) ? [] : [{ kind, item }];
    });
  });
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** The id that projections of a lost ledger still name, so that what is taken in again stays one installation. */
function labelledId({ snapshot, projections }: Comparison): string | undefined {
  const ids = projections.flatMap(({ projection }) => {
    const found = snapshot.projections.get(formatRef(projection.ref));
    const id = found === undefined || found.damage !== undefined ? undefined : installationOf(found);
    return id === undefined ? [] : [id];
  });
  const [id, ...others] = new Set(ids);
  if (others.length > 0) {
    const message = `the objects that are there name two installations: ${id}, ${others[0]}`;
    throw new PaletteKeysError('TWO_INSTALLATIONS', message, {
      hint: 'move the objects that do not belong here elsewhere, and run the command again',
    });
  }
  return id;
}

/** A random UUID (RFC 9562, section 5.4). */
function newInstallationId(random: Uint8Array): string {
  const bytes = Buffer.from(random);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
