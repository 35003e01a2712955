import { PaletteKeysError } from '../errors.ts';
import { ledgerSecret } from '../installation/ledger-name.ts';
import { versionedKind } from '../inventory/index.ts';
import type { VersionedKind } from '../inventory/kind.ts';
import { formatTime, installationOf, type LedgerEntry, ledgerObject } from '../ledger/entry.ts';
import type { Assessment } from '../plan/assess.ts';
import type { VersionItem } from '../plan/assess-versions.ts';
import { formatRef } from '../ports/object-ref.ts';
import { Moved } from './errors.ts';
import { inParallel } from './gather.ts';
import type { Material } from './material.ts';
import type { ApplyPorts } from './ports.ts';

const ROOT = 'root-key';

interface Writable {
  readonly kind: VersionedKind;
  readonly item: Exclude<VersionItem, { action: 'blocked' | 'keep' }>;
}

/**
 * Writes all missing ledger entries and returns the installation's id. The first root key goes first: whoever creates
 * it decides the id, and all others take it from there. A lost race throws Moved, and the winner's entry is read.
 */
export async function writeLedger(assessment: Assessment, material: Material, ports: ApplyPorts): Promise<string> {
  const missing = writable(assessment);
  const first = missing.find(({ kind, item }) => kind.id === ROOT && item.action !== 'adopt');
  const others = missing.filter((candidate) => candidate !== first);
  const id = assessment.installationId ?? labelledId(assessment) ?? newInstallationId(ports.random.bytes(16));
  ports.emit({ type: 'started', phase: 'ledger', total: missing.length });
  let done = 0;
  const write = async ({ kind, item }: Writable): Promise<void> => {
    await writeEntry(kind, item, id, assessment, material, ports);
    ports.emit({ type: 'advanced', phase: 'ledger', done: ++done, total: missing.length });
  };
  if (first !== undefined) await write(first);
  await inParallel(others, 8, write);
  ports.emit({ type: 'finished', phase: 'ledger' });
  return id;
}

function writable({ versions, ledger }: Assessment): readonly Writable[] {
  return [...versions].flatMap(([id, items]) => {
    const kind = versionedKind(id);
    const present = new Set(ledger.get(id)?.map(({ n }) => n));
    return items.flatMap((item): Writable[] => {
      if (kind === undefined || item.action === 'blocked' || item.action === 'keep') return [];
      const n = item.action === 'create' ? item.n : item.version.n;
      return present.has(n) ? [] : [{ kind, item }];
    });
  });
}

async function writeEntry(
  kind: VersionedKind,
  item: Writable['item'],
  installationId: string,
  { snapshot: { spec } }: Assessment,
  material: Material,
  { store, clock, toolVersion, signal }: ApplyPorts,
): Promise<void> {
  const entry =
    item.action === 'create' ? await newEntry(kind, item.n, installationId, material, clock.now()) : item.version;
  const ref = ledgerSecret(spec, kind.id, entry.n);
  signal.throwIfAborted();
  const result = await store.create(ledgerObject(ref, entry, { installationId, toolVersion }));
  if (result === 'exists') throw new Moved(`${formatRef(ref)} was made by another run`);
}

async function newEntry(
  kind: VersionedKind,
  n: number,
  installationId: string,
  material: Material,
  now: Date,
): Promise<LedgerEntry> {
  const draft = await material.draft(kind.id);
  const made = draft.finish({ installationId, n, now });
  // What cannot be read back is never stored.
  return { kind: kind.id, n, createdAt: formatTime(now), material: made, facts: kind.inspect(made) };
}

/** The id that projections of a lost ledger still name, so that what is taken in again stays one installation. */
function labelledId({ snapshot, projections }: Assessment): string | undefined {
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
