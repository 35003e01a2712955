import { readBundle } from '../../certificate/read.ts';
import { ANNOTATION, annotations, labels } from '../../ledger/metadata.ts';
import { entry, utf8 } from '../../ledger/text.ts';
import type { Entries, NewObject, StoredObject } from '../../ports/key-store.ts';
import { formatRef } from '../../ports/object-ref.ts';
import { StoreChangedError } from '../errors.ts';
import { inParallel } from '../in-parallel.ts';
import type { ComparedProjection, Comparison } from '../plan/compare/compare.ts';
import type { ApplyPorts } from '../ports.ts';
import type { KeyPool } from './key-pool.ts';
import { leafIssuer } from './leaf-issuer.ts';
import { readBack, type WrittenRecord } from './record.ts';

const PARALLEL = 8;

/** Then reads the record again: where it moved on, what was written may be old. Throws StoreChangedError. */
export async function writeProjections(
  comparison: Comparison,
  written: WrittenRecord,
  keys: KeyPool,
  ports: ApplyPorts,
): Promise<void> {
  const stale = comparison.projections.filter(({ outcome }) => outcome.action !== 'keep');
  if (stale.length === 0) return;
  ports.emit({ type: 'started', phase: 'projections', total: stale.length });
  let done = 0;
  const issue = leafIssuer(comparison.rings, written.record.installationId, keys, ports);
  await inParallel(stale, PARALLEL, async (compared) => {
    const entries = await entriesOf(compared, comparison, issue);
    await writeProjection(compared, entries, comparison, written, ports);
    ports.emit({ type: 'advanced', phase: 'projections', done: ++done, total: stale.length });
  });
  ports.emit({ type: 'finished', phase: 'projections' });
  const now = await readBack(ports.store, comparison.snapshot.spec.ledgerNamespace);
  if (now?.record.generation !== written.record.generation) throw new StoreChangedError('the record moved on');
}

async function entriesOf(
  { projection, leaf }: ComparedProjection,
  comparison: Comparison,
  issue: ReturnType<typeof leafIssuer>,
): Promise<Entries> {
  if (projection.source === 'computed') return projection.compute(comparison.rings);
  const found = foundOf(projection, comparison);
  if (leaf?.reissue === false && found !== undefined) {
    const [certificate] = readBundle(entry(found.data, 'tls.crt'));
    const pem = { certificate: utf8(certificate?.pem ?? ''), key: entry(found.data, 'tls.key') };
    return projection.assemble(pem, comparison.rings);
  }
  return projection.assemble(await issue(projection), comparison.rings);
}

async function writeProjection(
  { projection, outcome }: ComparedProjection,
  entries: Entries,
  comparison: Comparison,
  { record }: WrittenRecord,
  { store, toolVersion, signal }: ApplyPorts,
): Promise<void> {
  const name = formatRef(projection.ref);
  const found = comparison.snapshot.projections.get(name);
  // An update keeps what others added to the object; a restore writes all of it anew.
  const kept = outcome.action === 'update' ? foundOf(projection, comparison) : undefined;
  const others = Object.entries(kept?.data ?? {}).filter(([entryName]) => !projection.sometimes?.includes(entryName));
  const object: NewObject = {
    ref: projection.ref,
    type:
      projection.anyType === true && found?.damage === undefined && found !== undefined ? found.type : projection.type,
    immutable: false,
    labels: { ...kept?.labels, ...labels(record.installationId, projection.kind) },
    annotations: {
      ...kept?.annotations,
      ...annotations(toolVersion),
      [ANNOTATION.generation]: String(record.generation),
    },
    data: { ...Object.fromEntries(others), ...entries },
  };
  signal.throwIfAborted();
  const result = found === undefined ? await store.create(object) : await store.replace(object, found.version);
  if (result === 'exists' || result === 'conflict') throw new StoreChangedError(`${name} was changed by another run`);
}

function foundOf({ ref }: { readonly ref: ComparedProjection['projection']['ref'] }, { snapshot }: Comparison) {
  const found = snapshot.projections.get(formatRef(ref));
  return found?.damage === undefined ? (found as StoredObject | undefined) : undefined;
}
