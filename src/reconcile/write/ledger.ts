import { PaletteKeysError } from '../../errors.ts';
import { ledgerSecret } from '../../installation/ledger-name.ts';
import { factsOf } from '../../inventory/forms.ts';
import { versionedKind } from '../../inventory/index.ts';
import type { VersionedKind } from '../../inventory/kind.ts';
import { formatTime, installationOf, type LedgerEntry, ledgerObject } from '../../ledger/entry.ts';
import { isManaged } from '../../ledger/metadata.ts';
import { formatRef, type ObjectRef } from '../../ports/object-ref.ts';
import { StoreChangedError } from '../errors.ts';
import type { Comparison } from '../plan/compare/compare.ts';
import { numberOf, type VersionItem } from '../plan/compare/version-item.ts';
import type { ApplyPorts } from '../ports.ts';
import { inParallel } from '../read/read-installation.ts';
import type { Material } from './material.ts';

const ROOT = 'root-key';

/** An entry that is still to be written. */
interface Writable {
  readonly kind: VersionedKind;
  readonly item: Exclude<VersionItem, { action: 'blocked' | 'keep' }>;
}

/** The entries of one run: those still to be written, and the installation that they will belong to. */
export class LedgerWriter {
  readonly installationId: string;
  readonly #comparison: Comparison;
  readonly #material: Material;
  readonly #ports: ApplyPorts;
  readonly #missing: readonly Writable[];
  readonly #made = new Map<Writable, Promise<LedgerEntry>>();

  constructor(comparison: Comparison, material: Material, ports: ApplyPorts) {
    this.installationId =
      comparison.installationId ?? labelledId(comparison) ?? newInstallationId(ports.random.bytes(16));
    this.#comparison = comparison;
    this.#material = material;
    this.#ports = ports;
    this.#missing = writable(comparison);
  }

  /** All of them, made but not written. */
  entries(): Promise<readonly LedgerEntry[]> {
    return Promise.all(this.#missing.map((writable) => this.#make(writable)));
  }

  /**
   * Writes them. The first root key goes first, with `notes` for annotations: whoever creates it decides the installation's
   * id, and all others take it from there. `opened` gets it, if this run made it, before any other key is written.
   * A lost race throws Moved, and the winner's entry is read.
   */
  async write(
    notes: Readonly<Record<string, string>>,
    opened: (first: LedgerEntry | undefined) => Promise<void>,
  ): Promise<void> {
    const { emit } = this.#ports;
    const total = this.#missing.length;
    const first = this.#missing.find(({ kind, item }) => kind.id === ROOT && numberOf(item) === 1);
    emit({ type: 'started', phase: 'ledger', total });
    let done = 0;
    const write = async (writable: Writable, annotations = {}): Promise<void> => {
      await this.#write(writable, annotations);
      emit({ type: 'advanced', phase: 'ledger', done: ++done, total });
    };
    if (first !== undefined) await write(first, notes);
    await opened(first === undefined ? undefined : await this.#make(first));
    await inParallel(
      this.#missing.filter((candidate) => candidate !== first),
      8,
      (writable) => write(writable),
    );
    emit({ type: 'finished', phase: 'ledger' });
  }

  async #write(writable: Writable, notes: Readonly<Record<string, string>>): Promise<void> {
    const entry = await this.#make(writable);
    const { store, toolVersion, signal } = this.#ports;
    const { installationId } = this;
    const ref = ledgerSecret(this.#comparison.snapshot.spec, entry.kind, entry.n);
    signal.throwIfAborted();
    const result = await store.create(ledgerObject(ref, entry, { installationId, toolVersion, notes }));
    if (result === 'exists') await this.#lost(ref);
  }

  /** The name is taken: by another run, whose entry will be read, or by something that is not ours. */
  async #lost(ref: ObjectRef): Promise<never> {
    const found = await this.#ports.store.get(ref);
    if (found === undefined || found.damage !== undefined || isManaged(found)) {
      throw new StoreChangedError(`${formatRef(ref)} was made by another run`);
    }
    throw new PaletteKeysError('REFUSED', `${formatRef(ref)} is there, but palette-keys did not write it`, {
      hint: 'move it away: that name is for an entry of the ledger',
    });
  }

  #make(writable: Writable): Promise<LedgerEntry> {
    const made = this.#made.get(writable) ?? this.#newEntry(writable);
    this.#made.set(writable, made);
    return made;
  }

  async #newEntry({ kind, item }: Writable): Promise<LedgerEntry> {
    if (item.action !== 'create') return item.version;
    const draft = await this.#material.draft(kind.id);
    const now = this.#ports.clock.now();
    const ring = this.#comparison.rings.get(kind.id) ?? [];
    const material = draft.finish({ installationId: this.installationId, n: item.n, now, ring });
    // What cannot be read back is never stored.
    return { kind: kind.id, n: item.n, createdAt: formatTime(now), material, facts: factsOf(kind, material) };
  }
}

function writable({ versions, ledger }: Comparison): readonly Writable[] {
  return [...versions].flatMap(([id, items]) => {
    const kind = versionedKind(id);
    const present = new Set(ledger.get(id)?.map(({ n }) => n));
    return items.flatMap((item): Writable[] => {
      if (kind === undefined || item.action === 'blocked' || item.action === 'keep') return [];
      return present.has(numberOf(item)) ? [] : [{ kind, item }];
    });
  });
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
    throw new PaletteKeysError(
      'TWO_INSTALLATIONS',
      `the objects that are there name two installations: ${id}, ${others[0]}`,
      {
        hint: 'move the objects that do not belong here elsewhere, and run the command again',
      },
    );
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
