import { PaletteKeysError } from '../../errors.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import { isWanted, kindOf } from '../../inventory/index.ts';
import type { KindId } from '../../ledger/entry.ts';
import type { InstallationRecord } from '../../ledger/record.ts';
import { completeInterrupted } from '../../reconcile/plan/change.ts';
import { type Comparison, compare } from '../../reconcile/plan/compare/compare.ts';
import { readInstallation } from '../../reconcile/read/read-installation.ts';
import { wipe, wipeSnapshot } from '../../reconcile/read/wipe.ts';
import type { Observation } from '../evidence/observation.ts';
import { isInTransition } from '../machine.ts';
import type { RotatePorts, RotateRequest } from './request.ts';
import type { Log } from './rotation-log.ts';
import { isRecent, type Verified, writeChange } from './write-change.ts';

/**
 * Reads everything, but for the projections that a write of this run has read back a moment ago. What an interrupted run
 * left is completed first. Who called wipes the observation.
 */
export async function observeComplete(
  input: RotateRequest,
  log: Log,
  ports: RotatePorts,
  verified?: Verified,
): Promise<{ readonly observation: Observation; readonly record: InstallationRecord }> {
  let before = verified;
  for (;;) {
    const comparison = await look(input, ports, before);
    const { record, snapshot } = comparison;
    const unwanted = record.status === 'sound' ? unwantedKind(input.kind, record.record.spec) : undefined;
    if (unwanted !== undefined) {
      wipe(comparison);
      throw unwanted;
    }
    if (record.status === 'sound') hear(input, record.record, comparison, log);
    if (record.status === 'sound' && !record.record.ready && input.dryRun) {
      await rehearseCompletion(input, log, ports).catch((error: unknown) => {
        wipe(comparison);
        throw error;
      });
    }
    if (record.status !== 'sound') {
      wipe(comparison);
      throw notInstalled(comparison, snapshot.store.location);
    }
    if (record.record.ready || input.dryRun) {
      const key = record.record.keys[input.kind] ?? { versions: [], evidence: [] };
      const { generation } = record.record;
      log.observe(key.versions, generation);
      const vouched = log.word === generation;
      const observation = { kind: input.kind, key, comparison, vouched, at: ports.clock.now() };
      return { observation, record: record.record };
    }
    wipe(comparison);
    // Once it is known what was interrupted, what this run itself leaves open is no news.
    log.completed ??= isInTransition(record.record, input.kind) ? 'this rotation' : 'something else';
    before = undefined;
    await writeChange(COMPLETION, completeInterrupted(input.kind), {
      ...{ input, ports, log, seen: undefined, irrevocable: undefined },
      takeOver: (found) => {
        before = found;
      },
    });
    log.did('completed the run that was interrupted');
  }
}

/** Why a kind that the installation does without is not rotated; undefined for every other kind. */
export function unwantedKind(kind: KindId, spec: InstallationSpec): PaletteKeysError | undefined {
  if (isWanted(kindOf(kind), spec)) return undefined;
  return new PaletteKeysError('REFUSED', `${kind}: this installation has no message bus (messageBus: null)`, {
    hint: 'nothing uses this key; for a message bus set messageBus in the spec file, then run palette-keys init',
  });
}

/** What the word counts for is decided once, by the first look of the command. */
function hear(input: RotateRequest, record: InstallationRecord, comparison: Comparison, log: Log): void {
  try {
    log.hear(input.assumeConsumersCurrent, record);
  } catch (error) {
    wipe(comparison);
    throw error;
  }
}

const COMPLETION = 'complete the run that was interrupted';

/** What stands in the way of the completion stands in the way of everything. Throws REFUSED. */
async function rehearseCompletion(input: RotateRequest, log: Log, ports: RotatePorts): Promise<void> {
  const about = { input, ports, log, seen: undefined, irrevocable: undefined };
  await writeChange(COMPLETION, completeInterrupted(input.kind), about);
  log.say(`first: ${COMPLETION}`);
}

async function look(
  { spec, kind }: RotateRequest,
  ports: RotatePorts,
  verified: Verified | undefined,
): Promise<Comparison> {
  const before = verified !== undefined && isRecent(verified, ports) ? verified.snapshot : undefined;
  if (before === undefined && verified !== undefined) wipeSnapshot(verified.snapshot);
  try {
    const snapshot = await readInstallation(ports.store, spec, undefined, before);
    const request = { adopt: false, restore: false, change: completeInterrupted(kind) };
    return await compare(snapshot, request, ports.clock.now());
  } catch (error) {
    if (before !== undefined) wipeSnapshot(before);
    throw error;
  }
}

function notInstalled({ installationId }: Comparison, location: string): PaletteKeysError {
  return installationId === undefined
    ? new PaletteKeysError('NOT_INSTALLED', `${location} holds no installation`, {
        hint: 'palette-keys init makes one; if there should be one, check --dir and who you are',
      })
    : new PaletteKeysError('REFUSED', 'the record is lost or damaged: nothing tells the states of the keys', {
        hint: 'palette-keys init rebuilds it where that is possible; palette-keys restore FILE brings it back',
      });
}
