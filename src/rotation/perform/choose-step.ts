import { PaletteKeysError } from '../../errors.ts';
import { parseDuration } from '../../installation/duration.ts';
import { formatTime } from '../../ledger/entry.ts';
import type { InstallationRecord, KeyRecord } from '../../ledger/record.ts';
import { exposedIn, replacementsIn } from '../../ledger/replacement.ts';
import { confirmationOf } from '../confirmation.ts';
import { unconfirmedReplacement } from '../emergency.ts';
import type { RotationStep } from '../gate.ts';
import type { Rotation } from '../kinds.ts';
import { type NextStep, nextStep, type RotationIntent, replacedAt, supersededStep } from '../machine.ts';
import { type Request, requestedStep } from '../request.ts';
import { resetStep } from './leftovers.ts';
import type { RotateRequest } from './request.ts';
import type { Log } from './rotation-log.ts';

/** The next step, or undefined where there is none; the log says why. */
export function chooseStep(
  input: RotateRequest,
  rotation: Rotation,
  { keys, spec }: InstallationRecord,
  log: Log,
  now: Date,
): RotationStep | undefined {
  const key = keys[input.kind];
  const versions = key?.versions ?? [];
  if (key === undefined || versions.length === 0) {
    log.notes.push(`there is no ${input.kind} yet`);
    return undefined;
  }
  if (input.request !== undefined) return askedFor(key, input.request, log, now);
  if (rotation.type !== 'versions') {
    throw new PaletteKeysError('REFUSED', `${input.kind} is not made here: a new one is imported`, {
      hint: 'palette-keys import-cert --cert FILE --key FILE; palette-keys rotate fqdn-certificate --rollback goes back',
    });
  }
  // Resets are accepted for a salt that is old already: nothing else is done with them.
  if (input.acceptResets !== undefined) return resetStep(versions, input, log);
  const superseded = rotation.policy.keepsTrusted ? supersededStep(versions, log.kept) : undefined;
  // A rehearsal says first whether what is left of the rotations before can go.
  if (input.dryRun && superseded !== undefined) return superseded;
  // What is left is only known to stay once all consumers use the new version: until then the rotation is open.
  const active = versions.find(({ state }) => state === 'active');
  const confirmed = active === undefined ? undefined : confirmationOf(key, active, now);
  const hasLooked = log.kept.size > 0 && !input.dryRun;
  const isOpen = hasLooked || (superseded !== undefined && active !== undefined && confirmed === undefined);
  const intent: RotationIntent = {
    // A compromised key is replaced once by a command, whatever it has finished or waited for before that.
    mayStart: input.compromised ? !log.published : input.mayStart && log.transitions.length === 0 && !isOpen,
    // It opens a rotation once: what it goes on with may be what the same command, killed, has opened.
    again: input.again && log.completed !== 'this rotation' && log.transitions.length === 0 && !isOpen,
    compromised: input.compromised,
    minInterval: parseDuration(spec.rotation.minInterval),
    replacements: replacementsIn(key),
    keepsTrusted: rotation.policy.keepsTrusted,
    endedAt: superseded === undefined ? undefined : confirmed?.at,
    guardsData: rotation.policy.guardsData || rotation.policy.guardsReturns,
  };
  const next: NextStep = nextStep(versions, intent, now);
  const before = intent.compromised && log.transitions.length === 0 ? replacedAt(versions, intent, now) : undefined;
  if (next.type === 'retire' && before !== undefined) {
    log.say(`already replaced as compromised at ${formatTime(before)}; if that has leaked too: --again`);
  }
  if (next.type === 'done') return superseded;
  // Who comes back to restart what still believes a compromised identity wants no other one.
  const isOver = input.compromised || unconfirmedReplacement(key, now) === undefined;
  if (rotation.policy.onlyCompromised && !isOver && next.type === 'publish') return superseded;
  // What completes an interrupted run has done something, whatever cannot follow.
  if (next.type === 'publish' || (next.type === 'too-recent' && log.completed === undefined && isOver))
    refuseSafe(input, rotation);
  if (next.type === 'too-recent') {
    const since = formatTime(next.since);
    const what = input.compromised ? `replaced as compromised at ${since}` : `rotated, or made, at ${since}`;
    const again = log.completed === 'this rotation' && input.again ? '--again, once more,' : '--again';
    const isIdentity = rotation.policy.onlyCompromised && !input.compromised;
    log.say(`already ${what}${isIdentity ? '' : `; ${again} rotates before ${formatTime(next.until)}`}`);
    return superseded;
  }
  return next;
}

/** Throws REFUSED for an identity that nobody says is compromised. */
export function refuseSafe(
  { kind, compromised }: Pick<RotateRequest, 'kind' | 'compromised'>,
  rotation: Rotation,
): void {
  if (rotation.type !== 'versions' || !rotation.policy.onlyCompromised || compromised) return;
  throw new PaletteKeysError('REFUSED', `${kind} is an identity: it is never rotated while it is safe`, {
    hint: `if somebody else holds it: palette-keys rotate ${kind} --compromised, which prints what breaks first`,
  });
}

/** One step by name is one step: it is not repeated on what it has brought about. */
function askedFor(key: KeyRecord, request: Request, log: Log, now: Date): RotationStep | undefined {
  if (log.transitions.length > 0 || log.destroyed) return undefined;
  const { versions } = key;
  const asked = requestedStep(versions, request, exposedIn(key));
  if (asked.type === 'refused') throw new PaletteKeysError('REFUSED', asked.reason, { hint: asked.remedy });
  const end = asked.type === 'promote' ? versions.find(({ n }) => n === asked.n)?.notAfter : undefined;
  if (end !== undefined && new Date(end) <= now) {
    throw new PaletteKeysError('REFUSED', `the version to go back to expired on ${end}`, {
      hint: 'go forward instead: the next version is valid',
    });
  }
  if (asked.type !== 'done') return asked;
  log.notes.push(asked.reason);
  return undefined;
}
