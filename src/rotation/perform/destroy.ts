import { PaletteKeysError } from '../../errors.ts';
import { parseDuration } from '../../installation/duration.ts';
import { ledgerSecret } from '../../installation/ledger-name.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import { formatTime, type KindId } from '../../ledger/entry.ts';
import type { InstallationRecord, KeyRecord, VersionRecord } from '../../ledger/record.ts';
import { exposedIn } from '../../ledger/replacement.ts';
import { textEntry } from '../../ledger/text.ts';
import type { Lock } from '../../ports/key-store.ts';
import { formatRef } from '../../ports/object-ref.ts';
import { appendAudit } from '../../reconcile/audit/log.ts';
import { isOfUnknownAge } from '../../reconcile/plan/destroyed-versions.ts';
import type { ApplyPorts } from '../../reconcile/ports.ts';
import { assertGone, refuseCopies, type Traces, tracesOf } from '../../reconcile/read/key-traces.ts';
import { readBack } from '../../reconcile/write/record.ts';
import type { Observation } from '../evidence/observation.ts';
import type { RotationStep } from '../gate.ts';
import { ROTATIONS } from '../kinds.ts';
import type { Deletion, Loss, RotateRequest } from './request.ts';
import type { Log } from './rotation-log.ts';

/**
 * What a request comes to where it is about a version that is destroyed, which the ledger tells, not the record: an entry
 * that is there again, out of a backup or because deleting it failed, can be deleted or accepted again. Undefined where
 * the record decides.
 */
export async function stepOfDestroyed(
  { request, dryRun }: Pick<RotateRequest, 'request' | 'dryRun'>,
  observation: Observation,
  log: Log,
  ports: ApplyPorts,
): Promise<{ readonly step: RotationStep | undefined } | undefined> {
  const { kind, key, comparison } = observation;
  if (request === undefined || request.type === 'rollback' || log.transitions.length > 0 || log.destroyed) {
    return undefined;
  }
  const version = key.versions.find(({ kid }) => kid === request.kid);
  if (version?.state !== 'destroyed') return undefined;
  const { n, kid, createdAt } = version;
  const item = comparison.ledger.get(kind)?.find((candidate) => candidate.n === n);
  if (request.type === 'destroy') {
    if (item !== undefined) return { step: { type: 'destroy', n } };
    await sweepAfter(version, observation, { dryRun }, log, ports);
    log.notes.push(`v${n} is destroyed already`);
    return { step: undefined };
  }
  const isSame = item?.damage === undefined && item?.entry.facts.kid === kid;
  const isBack = isSame && (item.entry.createdAt === createdAt || isOfUnknownAge(version));
  return request.type === 'reinstate' && isBack ? { step: { type: 'reinstate', n } } : undefined;
}

/** The entry is gone; what holds its key besides is deleted, or refused as it was before the entry was deleted. */
async function sweepAfter(
  version: VersionRecord,
  observation: Observation,
  { dryRun }: Pick<RotateRequest, 'dryRun'>,
  log: Log,
  ports: ApplyPorts,
): Promise<void> {
  const traces = await refuseToLeave(version, observation, log, ports);
  if (traces.temps.length === 0) return;
  if (dryRun) {
    for (const { place } of traces.temps) log.say(`next: delete ${place}, a temp file of an earlier run`);
    return;
  }
  // Taking the lock is what deletes them.
  await (await lockOf(ports)).release();
  saySwept(traces, log);
}

/** Looks for the key outside its ledger entry. Throws REFUSED where it would stay; what could not be read is named. */
export async function refuseToLeave(
  { n, kid }: VersionRecord,
  { kind, comparison }: Observation,
  log: Log,
  { store }: Pick<ApplyPorts, 'store'>,
): Promise<Traces> {
  const { snapshot, ledger } = comparison;
  const item = ledger.get(kind)?.find((candidate) => candidate.n === n);
  const isSame = item !== undefined && item.damage === undefined && item.entry.facts.kid === kid;
  const entries = isSame ? item.entry.material.entries : undefined;
  const traces = await tracesOf(store, snapshot, { entry: ledgerSecret(snapshot.spec, kind, n), kid }, entries);
  refuseCopies(kid, traces);
  for (const { place, unread } of traces.unread) log.say(`${place} was not searched for the key: ${unread}`);
  return traces;
}

export function saySwept({ temps }: Traces, log: Log): void {
  for (const { place } of temps) log.did(`deleted ${place}, a temp file of an earlier run`);
}

const DEED = 'destroy it';

/** What nobody could bring back, or a dump of the database may need: somebody has to type its kid. */
export function lossOf(kind: KindId, version: VersionRecord, spec: InstallationSpec, now: Date): Loss | undefined {
  const { kid, backups, history, since } = version;
  if (backups.length === 0) {
    return {
      ...{ kid, deed: DEED },
      reason: `no backup holds ${kid}: destroyed, it is gone for ever`,
      remedy: 'palette-keys backup first; or run it on a terminal, and type the kid',
    };
  }
  const rotation = ROTATIONS[kind];
  if (rotation.type !== 'versions' || !rotation.policy.guardsData) return undefined;
  const retired = history.findLast(({ state }) => state === 'retired')?.at ?? since;
  const until = new Date(Date.parse(retired) + parseDuration(spec.rotation.databaseBackupRetention) * 1000);
  if (now >= until) return undefined;
  return {
    ...{ kid, deed: DEED },
    reason: `backups of the database from before ${retired}, when it was retired, may need ${kid} until ${formatTime(until)}`,
    remedy: 'wait until then (rotation.databaseBackupRetention); or run it on a terminal, and type the kid',
  };
}

/** What is accepted again though it was given up as compromised. */
export function exposureOf(key: KeyRecord, { n, kid }: VersionRecord): Loss | undefined {
  if (!exposedIn(key).has(n)) return undefined;
  return {
    kid,
    deed: 'accept it again',
    reason: `v${n} was replaced as compromised: what somebody else makes with ${kid} is accepted again`,
    remedy: 'look at it with --dry-run, then give --yes; or run it on a terminal, and type the kid',
    yields: true,
  };
}

/**
 * Deletes the ledger entry of a version that the record calls destroyed. The record comes first: an entry that it still
 * counts on would be missed. An entry that is gone already is fine, one that holds another key is left. Returns what was
 * deleted.
 */
export async function deleteEntry(
  { spec }: InstallationRecord,
  { kind, comparison }: Observation,
  { n, kid }: VersionRecord,
  ports: ApplyPorts,
): Promise<Deletion | undefined> {
  const { store, signal } = ports;
  const ref = ledgerSecret(spec, kind, n);
  const lock = await lockOf(ports);
  try {
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
  } finally {
    await lock.release();
  }
}

function lockOf({ store, actor, clock }: ApplyPorts): Promise<Lock> {
  return store.lock({ command: actor.command, user: actor.user, since: formatTime(clock.now()) });
}

function changed(name: string): PaletteKeysError {
  return new PaletteKeysError('CONFLICT', `${name} was changed by somebody else`, { hint: 'run the command again' });
}
