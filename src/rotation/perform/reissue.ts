import { PaletteKeysError } from '../../errors.ts';
import { parseDuration } from '../../installation/duration.ts';
import { formatTime, type KindId } from '../../ledger/entry.ts';
import type { InstallationRecord } from '../../ledger/record.ts';
import { reissuedSince, withReissue } from '../../ledger/replacement.ts';
import { formatRef, type ObjectRef } from '../../ports/object-ref.ts';
import { inspectOnly } from '../../reconcile/plan/change.ts';
import type { Comparison } from '../../reconcile/plan/compare/compare.ts';
import type { Outcome } from '../../reconcile/plan/compare/projection.ts';
import { wipe } from '../../reconcile/read/wipe.ts';
import { updateRecord } from '../../reconcile/write/update-record.ts';
import { lockNow } from '../evidence/confirm.ts';
import { describeNameless, describeStalePod, findStaleConsumers } from '../evidence/consumers.ts';
import { isFromTheFuture, isIssuedSince, type Leaf, leavesToReissue } from '../leaves.ts';
import { observeComplete } from './observe.ts';
import { reloadMembers } from './reload-members.ts';
import type { RotatePorts, RotateRequest, RotateResult } from './request.ts';
import { restartStale } from './restart.ts';
import type { Log } from './rotation-log.ts';
import { writeChange } from './write-change.ts';

/** The kind whose evidence tells of its certificates, which have no versions. */
const ISSUER = 'internal-ca';

/** Issues certificates anew: the same CA, a new key, one write each. What does not reload by itself is restarted if asked for. */
export async function reissueLeaves(input: RotateRequest, log: Log, ports: RotatePorts): Promise<RotateResult> {
  const { observation, record } = await observeComplete(input, log, ports);
  const { comparison } = observation;
  try {
    const { again, due } = input;
    // `opens`: one that waits and looks again issues nothing twice.
    const intent = {
      due,
      again: again && input.mayStart,
      minInterval: parseDuration(record.spec.rotation.minInterval),
    };
    const chosen = chosenOf(comparison, input);
    const now = ports.clock.now();
    const all = chosen.flatMap(({ leaf }) => leaf ?? []);
    const leaves = leavesToReissue(all, intent, now);
    const issued = [...chosen.filter((each) => isLost(each, due)), ...leaves];
    const before = new Set(input.before?.steps.map(({ ref }) => formatRef(ref)));
    const since = input.compromised ? emergencySince(record, input.kind, intent.minInterval, now) : undefined;
    const isReplaced = (leaf: Leaf): boolean => since !== undefined && isIssuedSince(leaf, since);
    const isLeft = (leaf: Leaf): boolean =>
      !leaves.includes(leaf) && !before.has(formatRef(leaf.ref)) && !isReplaced(leaf);
    const left = input.compromised ? all.filter(isLeft) : [];
    if (issued.length === 0) log.notes.push(due ? 'none is due' : whyLeft(chosen, now, since));
    else {
      const reissues = new Set(leaves.map(({ fingerprint }) => fingerprint));
      const change = { ...inspectOnly(input.kind), generation: record.generation, reissues };
      const agreed = async (): Promise<void> => {
        if (!input.compromised || since !== undefined) return;
        await noteReissue(record.spec.ledgerNamespace, input.kind, ports);
        log.wrote = true;
      };
      const how = { input, ports, log, seen: observation, irrevocable: undefined, agreed };
      await writeChange(describeLeaves(issued), change, how);
      if (input.dryRun) return log.rehearsed(describeLeaves(issued));
    }
    const finished = (): RotateResult => {
      if (left.length === 0) return log.finished();
      // What the killed run of the same command has written counts as written.
      if (since !== undefined) return log.refused(perhapsCompromised(left));
      throw perhapsCompromised(left);
    };
    if (input.dryRun) return finished();
    const reloaded = await reloadMembers(observation, input, log, ports);
    if (reloaded !== undefined && reloaded.behind.length > 0) {
      const reason = 'these still serve the old certificate: their files change up to two minutes after the Secret';
      return log.waiting({ reason, blockers: reloaded.behind });
    }
    if (reloaded?.deaf.length === 0) {
      log.notes.push('every member of the replica set serves it');
      return finished();
    }
    if (reloaded !== undefined) log.notes.push(`they cannot load it while they run: ${reloaded.deaf.join(', ')}`);
    const only = input.services === undefined ? undefined : chosen.map(({ ref }) => ref);
    const look = () => findStaleConsumers(observation, { kid: undefined, reloads: true }, input, ports, only);
    let behind = await look();
    if (input.restart && typeof behind !== 'string' && (await restartStale(behind, input, log, ports)))
      behind = await look();
    if (typeof behind === 'string') {
      if (issued.length > 0) log.notes.push(`restart what does not reload its certificate by itself (${behind})`);
      return finished();
    }
    const staying = behind.pods.filter(({ pod: { leaving } }) => !leaving);
    log.notes.push(...behind.nameless.map(describeNameless), ...staying.map(describeStalePod), ...behind.missing);
    if (behind.unknown !== undefined) log.notes.push(behind.unknown);
    if (staying.some(({ restarts }) => restarts) && !input.restart) log.notes.push('--restart starts them anew');
    return finished();
  } finally {
    wipe(comparison);
  }
}

/** Certificates that stand where they should, of the services that are meant. */
export function chosenLeaves(comparison: Comparison, input: Pick<RotateRequest, 'kind' | 'services'>): readonly Leaf[] {
  return chosenOf(comparison, input).flatMap(({ leaf }) => leaf ?? []);
}

/** A Secret for a certificate, by the name of its service. */
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
  const lock = await lockNow(ports);
  try {
    await updateRecord(ledgerNamespace, change, ports);
  } finally {
    await lock.release();
  }
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
  return new PaletteKeysError(
    'REFUSED',
    'these were issued a moment ago: if that was before the leak, they leaked too',
    {
      hint: '--again issues them anew',
      details: left.map(({ name }) => ({ message: `the certificate of ${name}` })),
    },
  );
}

function describeLeaves(leaves: readonly Pick<Leaf, 'name'>[]): string {
  const names = leaves.map(({ name }) => name).join(', ');
  return `issue ${leaves.length === 1 ? 'the certificate' : `${leaves.length} certificates`} of ${names} anew`;
}
