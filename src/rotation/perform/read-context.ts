import { notInstalled, PaletteKeysError } from '../../errors.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import { isWanted, kindOf } from '../../inventory/index.ts';
import type { KindId } from '../../ledger/entry.ts';
import { completeInterrupted } from '../../reconcile/plan/change.ts';
import { type Comparison, compare } from '../../reconcile/plan/compare/compare.ts';
import { toChange } from '../../reconcile/plan/intent.ts';
import { readInstallation } from '../../reconcile/read/read-installation.ts';
import { wipe, wipeSnapshot } from '../../reconcile/read/wipe.ts';
import type { RotationContext } from '../context.ts';
import type { Rotation } from '../kinds.ts';
import type { Heard, RotateRequest } from '../rotate-request.ts';
import { countsFor } from '../word.ts';
import type { RotatePorts } from './ports.ts';
import { isRecent, type Verified } from './verified.ts';

/**
 * Reads what the next action is decided on, but for projections that a write has just read back. `heard`: decided by a
 * command's first look. The caller wipes the comparison. Throws NOT_INSTALLED, REFUSED and USAGE.
 */
export async function readContext(
  request: RotateRequest,
  rotation: Rotation,
  heard: Heard | undefined,
  ports: RotatePorts,
  verified: Verified | undefined,
): Promise<{ readonly context: RotationContext; readonly heard: Heard }> {
  const comparison = await read(request, ports, verified);
  try {
    const { record: view } = comparison;
    if (view.status !== 'sound') throw withoutRecord(comparison);
    const { record } = view;
    const unwanted = unwantedKind(request.kind, record.spec);
    if (unwanted !== undefined) throw unwanted;
    const word = heard ?? { for: countsFor(request.assumeConsumersCurrent, record) };
    const key = record.keys[request.kind] ?? { versions: [], evidence: [] };
    const vouched = word.for === record.generation;
    const { kind } = request;
    const context = { request, kind, rotation, record, key, comparison, vouched, at: ports.clock.now() };
    return { context, heard: word };
  } catch (error) {
    wipe(comparison);
    throw error;
  }
}

async function read({ kind }: RotateRequest, ports: RotatePorts, verified: Verified | undefined): Promise<Comparison> {
  const before = verified !== undefined && isRecent(verified, ports) ? verified.snapshot : undefined;
  if (before === undefined && verified !== undefined) wipeSnapshot(verified.snapshot);
  try {
    const snapshot = await readInstallation(ports.store, ports.spec, undefined, before);
    return await compare(snapshot, { intent: toChange(completeInterrupted(kind)) }, ports.clock.now());
  } catch (error) {
    if (before !== undefined) wipeSnapshot(before);
    throw error;
  }
}

/** Why a kind that the installation does without is not rotated; undefined for every other kind. */
export function unwantedKind(kind: KindId, spec: InstallationSpec): PaletteKeysError | undefined {
  if (isWanted(kindOf(kind), spec)) return undefined;
  return new PaletteKeysError('REFUSED', `${kind}: this installation has no message bus (messageBus: null)`, {
    hint: 'nothing uses this key; for a message bus set messageBus in the spec file, then run palette-keys init',
  });
}

function withoutRecord({ installationId, snapshot }: Comparison): PaletteKeysError {
  if (installationId === undefined) return notInstalled(snapshot.store);
  return new PaletteKeysError('REFUSED', 'the record is lost or damaged: nothing tells the states of the keys', {
    hint: 'palette-keys init rebuilds it where that is possible; palette-keys restore FILE brings it back',
  });
}
