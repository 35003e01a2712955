import { PaletteKeysError } from '../../errors.ts';
import { ledgerSecret } from '../../installation/ledger-name.ts';
import type { VersionRecord } from '../../ledger/record.ts';
import { textEntry } from '../../ledger/text.ts';
import { formatRef } from '../../ports/object-ref.ts';
import { appendAudit } from '../../reconcile/audit/log.ts';
import { withLock } from '../../reconcile/lock.ts';
import type { ApplyPorts } from '../../reconcile/ports.ts';
import { assertGone, refuseCopies, type Traces, tracesOf } from '../../reconcile/read/key-traces.ts';
import { readBack } from '../../reconcile/write/record.ts';
import type { RotationContext } from '../context.ts';
import type { Tell } from '../history.ts';
import type { Action } from '../next-action.ts';
import type { Deletion } from '../rotate-request.ts';
import type { Performed, Performing } from './ports.ts';

/** The entry is gone; what holds its key besides is deleted, or refused as it was before the entry was deleted. */
export async function sweep(
  { version }: Extract<Action, { type: 'sweep' }>,
  { context, ports, tell }: Performing,
): Promise<Performed> {
  const traces = await refuseToLeave(version, context, { ports, tell });
  if (traces.temps.length > 0) {
    // Taking the lock is what deletes them.
    await withLock(ports, async () => undefined);
    tellSwept(traces, tell);
  }
  tell({ type: 'deleted', deletion: undefined });
  return 'same';
}

/** Looks for the key outside its ledger entry. Throws REFUSED where it would stay; what could not be read is named. */
export async function refuseToLeave(
  { n, kid }: VersionRecord,
  { kind, comparison }: Pick<RotationContext, 'kind' | 'comparison'>,
  { ports: { store }, tell }: Pick<Performing, 'ports' | 'tell'>,
): Promise<Traces> {
  const { snapshot, ledger } = comparison;
  const item = ledger.get(kind)?.find((candidate) => candidate.n === n);
  const isSame = item !== undefined && item.damage === undefined && item.entry.facts.kid === kid;
  const entries = isSame ? item.entry.material.entries : undefined;
  const traces = await tracesOf(store, snapshot, { entry: ledgerSecret(snapshot.spec, kind, n), kid }, entries);
  refuseCopies(kid, traces);
  for (const { place, unread } of traces.unread) {
    tell({ type: 'note', text: `${place} was not searched for the key: ${unread}` });
  }
  return traces;
}

export function tellSwept({ temps }: Traces, tell: Tell): void {
  for (const { place } of temps) tell({ type: 'did', effect: `deleted ${place}, a temp file of an earlier run` });
}

/**
 * The record calls it destroyed first: an entry that it still counts on would be missed. One that is gone already is
 * fine, one that holds another key is left. Returns what was deleted.
 */
export async function deleteEntry(
  { kind, comparison, record: { spec } }: RotationContext,
  { n, kid }: VersionRecord,
  ports: ApplyPorts,
): Promise<Deletion | undefined> {
  const { store, signal } = ports;
  const ref = ledgerSecret(spec, kind, n);
  return withLock(ports, async () => {
    const found = await store.get(ref);
    if (found === undefined) return undefined;
    if (found.damage === undefined && textEntry(found.data, 'kid') !== kid) {
      throw new PaletteKeysError('REFUSED', `${formatRef(ref)} does not hold ${kid}`, {
        hint: 'find out who replaced it; it was left as it is',
      });
    }
    const record = (await readBack(store, spec.ledgerNamespace))?.record;
    const version = record?.keys[kind]?.versions.find((candidate) => candidate.n === n);
    if (record === undefined || version?.state !== 'destroyed') throw changed(formatRef(ref));
    // Other versions and projections were looked at before anything was written; copies may have come since.
    const look = (): Promise<Traces> =>
      tracesOf(store, comparison.snapshot, { entry: ref, kid }, found.damage === undefined ? found.data : undefined);
    refuseCopies(kid, await look());
    signal.throwIfAborted();
    const changes = [{ action: 'delete', object: formatRef(ref), key: kind, kid }];
    await appendAudit(record, { changes, result: 'done' }, ports);
    if ((await store.remove(ref, found.version)) !== 'removed') throw changed(formatRef(ref));
    assertGone(kid, await look());
    return { action: 'delete', ref, key: kind, n, kid, reason: 'the record calls it destroyed' };
  });
}

function changed(name: string): PaletteKeysError {
  return new PaletteKeysError('CONFLICT', `${name} was changed by somebody else`, { hint: 'run the command again' });
}
