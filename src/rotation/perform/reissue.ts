import { PaletteKeysError } from '../../errors.ts';
import { parseDuration } from '../../installation/duration.ts';
import { formatTime, type KindId } from '../../ledger/entry.ts';
import type { InstallationRecord } from '../../ledger/record.ts';
import { reissuedSince, withReissue } from '../../ledger/replacement.ts';
import { formatRef, type ObjectRef } from '../../ports/object-ref.ts';
import { withLock } from '../../reconcile/lock.ts';
import { inspectOnly } from '../../reconcile/plan/change.ts';
import type { Comparison } from '../../reconcile/plan/compare/compare.ts';
import type { Outcome } from '../../reconcile/plan/compare/projection.ts';
import { wipeSnapshot } from '../../reconcile/read/wipe.ts';
import { updateRecord } from '../../reconcile/write/update-record.ts';
import type { RotationContext } from '../context.ts';
import { findStaleConsumers } from '../evidence/consumers.ts';
import { describeNameless, describeStalePod, restartable } from '../facts/gathered.ts';
import { isFromTheFuture, isIssuedSince, type Leaf, leavesToReissue } from '../facts/leaves.ts';
import type { RotateRequest, WaitingFor } from '../rotate-request.ts';
import type { Performing, RotateEnd, RotatePorts } from './ports.ts';
import { reloadMembers } from './reload-members.ts';
import { restartWorkloads } from './restart.ts';
import { writeChange } from './write-change.ts';

/** The kind whose evidence tells of its certificates, which have no versions. */
const ISSUER = 'internal-ca';

/** Certificates have no versions, so no state machine: clock and request say what is issued, one write each. */
export async function rotateLeaves(performing: Performing): Promise<RotateEnd> {
  const { context, ports, tell } = performing;
  const { request, record } = context;
  const now = ports.clock.now();
  const found = sortLeaves(context, now);
  if (found.issued.length === 0) {
    tell({ type: 'note', text: request.due ? 'none is due' : whyLeft(found.chosen, now, found.since) });
  } else {
    const reissues = new Set(found.leaves.map(({ fingerprint }) => fingerprint));
    const change = { ...inspectOnly(context.kind), generation: record.generation, reissues };
    const agreed = async (): Promise<void> => {
      if (!request.compromised || found.since !== undefined) return;
      await noteReissue(record.spec.ledgerNamespace, context.kind, ports);
      tell({ type: 'recorded' });
    };
    const action = describeLeaves(found.issued);
    const verified = await writeChange({ action, change, isDecidedOnContext: true, agreed }, performing);
    if (verified !== undefined) wipeSnapshot(verified.snapshot);
  }
  const waiting = await loadLeaves(found, performing);
  if (waiting !== undefined) return { type: 'wait', waitingFor: waiting };
  if (found.left.length === 0) return { type: 'done' };
  const error = perhapsCompromised(found.left);
  // What the killed run of the same command has written counts as written.
  if (found.since !== undefined) return { type: 'refuse', error };
  throw error;
}

interface SortedLeaves {
  readonly chosen: readonly Place[];
  readonly leaves: readonly Leaf[];
  /** Those, and what has no certificate that can be told. */
  readonly issued: readonly Pick<Leaf, 'name'>[];
  /** What may have leaked and stays: it was issued a moment ago. */
  readonly left: readonly Leaf[];
  /** Since when compromised certificates of the kind are replaced. */
  readonly since: Date | undefined;
}

function sortLeaves({ request, record, comparison, kind }: RotationContext, now: Date): SortedLeaves {
  const { again, due, compromised } = request;
  const minInterval = parseDuration(record.spec.rotation.minInterval);
  // A command that waits and looks again issues nothing twice.
  const intent = { due, again: again && request.mayStart, minInterval };
  const chosen = chosenOf(comparison, request);
  const all = chosen.flatMap(({ leaf }) => leaf ?? []);
  const leaves = leavesToReissue(all, intent, now);
  const issued = [...chosen.filter((each) => isLost(each, due)), ...leaves];
  const before = new Set(request.before?.steps.map(({ ref }) => formatRef(ref)));
  const since = compromised ? emergencySince(record, kind, minInterval, now) : undefined;
  const isReplaced = (leaf: Leaf): boolean => since !== undefined && isIssuedSince(leaf, since);
  const isLeft = (leaf: Leaf): boolean =>
    !leaves.includes(leaf) && !before.has(formatRef(leaf.ref)) && !isReplaced(leaf);
  return { chosen, leaves, issued, left: compromised ? all.filter(isLeft) : [], since };
}

/** Brings what was issued to what serves it, so far as that can be done from here; what has to be waited for. */
async function loadLeaves(
  { chosen, issued }: SortedLeaves,
  { context, ports, tell, history }: Performing,
): Promise<WaitingFor | undefined> {
  const { request } = context;
  const note = (text: string): void => tell({ type: 'note', text });
  const reloaded = await reloadMembers(context, { ports, tell });
  if (reloaded !== undefined && reloaded.behind.length > 0) {
    const reason = 'these still serve the old certificate: their files change up to two minutes after the Secret';
    return { reason, blockers: reloaded.behind };
  }
  if (reloaded?.deaf.length === 0) {
    note('every member of the replica set serves it');
    return undefined;
  }
  if (reloaded !== undefined) note(`they cannot load it while they run: ${reloaded.deaf.join(', ')}`);
  const only = request.services === undefined ? undefined : chosen.map(({ ref }) => ref);
  const look = () => findStaleConsumers(context, { kid: undefined, reloads: true }, ports, only);
  let stale = await look();
  const names = request.restart && typeof stale !== 'string' ? restartable(stale, history.restarted) : [];
  if (typeof stale !== 'string' && names.length > 0) {
    const any = await restartWorkloads(names, stale.settledAt, { context, ports, tell });
    if (any) stale = await look();
  }
  if (typeof stale === 'string') {
    if (issued.length > 0) note(`restart what does not reload its certificate by itself (${stale})`);
    return undefined;
  }
  const staying = stale.pods.filter(({ pod: { leaving } }) => !leaving);
  for (const text of [...stale.nameless.map(describeNameless), ...staying.map(describeStalePod), ...stale.missing])
    note(text);
  if (stale.unknown !== undefined) note(stale.unknown);
  if (staying.some(({ restarts }) => restarts) && !request.restart) note('--restart starts them anew');
  return undefined;
}

export function chosenLeaves(comparison: Comparison, input: Pick<RotateRequest, 'kind' | 'services'>): readonly Leaf[] {
  return chosenOf(comparison, input).flatMap(({ leaf }) => leaf ?? []);
}

interface Place {
  readonly ref: ObjectRef;
  readonly name: string;
  readonly outcome: Outcome;
  /** Undefined where it holds none that can be told. */
  readonly leaf: Leaf | undefined;
}

function chosenOf(
  { projections }: Comparison,
  { kind, services }: Pick<RotateRequest, 'kind' | 'services'>,
): readonly Place[] {
  const all = projections.flatMap(({ projection, outcome, leaf }): Place[] => {
    if (projection.kind !== kind || projection.source !== 'issued') return [];
    const of = { ref: projection.ref, name: projection.profile.commonName };
    return [{ ...of, outcome, leaf: leaf?.leaf === undefined ? undefined : { ...of, ...leaf.leaf } }];
  });
  if (services === undefined) return all;
  const unknown = services.find((service) => !all.some(({ name }) => name === service));
  if (unknown !== undefined) {
    throw new PaletteKeysError('USAGE', `--service ${unknown}: there is no certificate of that service`, {
      hint: `there are ${all.map(({ name }) => name).join(', ')}`,
    });
  }
  return all.filter(({ name }) => services.includes(name));
}

/** Gone, or damaged: it gets a certificate as `init` would give it one, or it is said what stands in the way. */
function isLost({ leaf, outcome }: Place, due: boolean): boolean {
  return leaf === undefined && !(due && outcome.action === 'blocked');
}

/** Since when compromised certificates of the kind are replaced, by this command or one that was killed. */
function emergencySince({ keys }: InstallationRecord, kind: KindId, minInterval: number, now: Date): Date | undefined {
  const key = keys[ISSUER];
  const since = key === undefined ? undefined : reissuedSince(key, kind);
  if (since === undefined) return undefined;
  return Math.abs(now.getTime() - since.getTime()) < minInterval * 1000 ? since : undefined;
}

/** Written before the first certificate, for the run may be killed after it. */
async function noteReissue(ledgerNamespace: string, kind: KindId, ports: RotatePorts): Promise<void> {
  const now = ports.clock.now();
  const change = (record: InstallationRecord): InstallationRecord => {
    const key = record.keys[ISSUER];
    if (key === undefined) return record;
    const evidence = withReissue(key.evidence, kind, now);
    return { ...record, keys: { ...record.keys, [ISSUER]: { ...key, evidence } } };
  };
  await withLock(ports, () => updateRecord(ledgerNamespace, change, ports));
}

function whyLeft(chosen: readonly Place[], now: Date, since: Date | undefined): string {
  if (since !== undefined)
    return `already replaced as compromised since ${formatTime(since)}; if they leaked too: --again`;
  const early = chosen.filter(({ leaf }) => leaf !== undefined && isFromTheFuture(leaf, now));
  if (early.length === 0) return 'already issued a moment ago; --again issues them anew';
  const names = early.map(({ name }) => name).join(', ');
  return `not valid yet by the clock, which says ${formatTime(now)}: ${names}; if it is right, --again issues them anew`;
}

/** What was issued a moment ago, by the same command or before the leak: no record tells. */
function perhapsCompromised(left: readonly Leaf[]): PaletteKeysError {
  const details = left.map(({ name }) => ({ message: `the certificate of ${name}` }));
  const message = 'these were issued a moment ago: if that was before the leak, they leaked too';
  return new PaletteKeysError('REFUSED', message, { hint: '--again issues them anew', details });
}

function describeLeaves(leaves: readonly Pick<Leaf, 'name'>[]): string {
  const names = leaves.map(({ name }) => name).join(', ');
  return `issue ${leaves.length === 1 ? 'the certificate' : `${leaves.length} certificates`} of ${names} anew`;
}
