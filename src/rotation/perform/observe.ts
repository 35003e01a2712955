import { PaletteKeysError } from '../../errors.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import { isWanted, kindOf } from '../../inventory/index.ts';
import type { KindId } from '../../ledger/entry.ts';
import type { InstallationRecord } from '../../ledger/record.ts';
import { lookAround } from '../../reconcile/plan/change.ts';
import { type Assessment, assess } from '../../reconcile/plan/compare/compare.ts';
import { gather } from '../../reconcile/read/read-installation.ts';
import { wipe, wipeSnapshot } from '../../reconcile/read/wipe.ts';
import type { Observation } from '../evidence/observation.ts';
import { isInTransition } from '../machine.ts';
import type { Log } from './rotation-log.ts';
import type { AdvanceInput, AdvancePorts } from './rotation-run.ts';
import { isFresh, type Verified, writeChange } from './write-change.ts';

/**
 * Reads everything, but for the projections that a write of this run has read back a moment ago. What an interrupted run
 * left is completed first. Who called wipes the observation.
 */
export async function observeComplete(
  input: AdvanceInput,
  log: Log,
  ports: AdvancePorts,
  verified?: Verified,
): Promise<{ readonly observation: Observation; readonly record: InstallationRecord }> {
  let before = verified;
  for (;;) {
    const assessment = await look(input, ports, before);
    const { record, snapshot } = assessment;
    const unwanted = record.status === 'sound' ? unwantedKind(input.kind, record.record.spec) : undefined;
    if (unwanted !== undefined) {
      wipe(assessment);
      throw unwanted;
    }
    if (record.status === 'sound') hear(input, record.record, assessment, log);
    if (record.status === 'sound' && !record.record.ready && input.rehearses) {
      await rehearseCompletion(input, log, ports).catch((error: unknown) => {
        wipe(assessment);
        throw error;
      });
    }
    if (record.status !== 'sound') {
      wipe(assessment);
      throw notInstalled(assessment, snapshot.store.location);
    }
    if (record.record.ready || input.rehearses) {
      const key = record.record.keys[input.kind] ?? { versions: [], evidence: {} };
      const { generation } = record.record;
      log.observe(key.versions, generation);
      const vouched = log.word === generation;
      const observation = { kind: input.kind, key, assessment, vouched, at: ports.clock.now() };
      return { observation, record: record.record };
    }
    wipe(assessment);
    // Once it is known what was interrupted, what this run itself leaves open is no news.
    log.completed ??= isInTransition(record.record, input.kind) ? 'this rotation' : 'something else';
    before = undefined;
    await writeChange(COMPLETION, lookAround(input.kind), {
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
function hear(input: AdvanceInput, record: InstallationRecord, assessment: Assessment, log: Log): void {
  try {
    log.hear(input.assumeConsumersCurrent, record);
  } catch (error) {
    wipe(assessment);
    throw error;
  }
}

const COMPLETION = 'complete the run that was interrupted';

/** What stands in the way of the completion stands in the way of everything. Throws REFUSED. */
async function rehearseCompletion(input: AdvanceInput, log: Log, ports: AdvancePorts): Promise<void> {
  const about = { input, ports, log, seen: undefined, irrevocable: undefined };
  await writeChange(COMPLETION, lookAround(input.kind), about);
  log.say(`first: ${COMPLETION}`);
}

async function look(
  { spec, kind }: AdvanceInput,
  ports: AdvancePorts,
  verified: Verified | undefined,
): Promise<Assessment> {
  const before = verified !== undefined && isFresh(verified, ports) ? verified.snapshot : undefined;
  if (before === undefined && verified !== undefined) wipeSnapshot(verified.snapshot);
  try {
    const snapshot = await gather(ports.store, spec, undefined, before);
    const request = { adopt: false, restore: false, change: lookAround(kind) };
    return await assess(snapshot, request, ports.clock.now());
  } catch (error) {
    if (before !== undefined) wipeSnapshot(before);
    throw error;
  }
}

function notInstalled({ installationId }: Assessment, location: string): PaletteKeysError {
  return installationId === undefined
    ? new PaletteKeysError('NOT_INSTALLED', `${location} holds no installation`, {
        hint: 'palette-keys init makes one; if there should be one, check --dir and who you are',
      })
    : new PaletteKeysError('REFUSED', 'the record is lost or damaged: nothing tells the states of the keys', {
        hint: 'palette-keys init rebuilds it where that is possible; palette-keys restore FILE brings it back',
      });
}
