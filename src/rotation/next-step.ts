import { PaletteKeysError } from '../errors.ts';
import { parseDuration } from '../installation/duration.ts';
import { formatTime } from '../ledger/entry.ts';
import { ROOT_KEY } from '../ledger/kind-id.ts';
import type { KeyRecord, VersionRecord } from '../ledger/record.ts';
import { exposedIn, replacementsIn } from '../ledger/replacement.ts';
import { isOfUnknownAge } from '../reconcile/plan/destroyed-versions.ts';
import { newRootKeyUnsaved } from '../reconcile/plan/findings/backups.ts';
import type { RotationContext } from './context.ts';
import { confirmationOf } from './facts/confirmation.ts';
import { unconfirmedReplacement } from './facts/emergency.ts';
import type { RotationStep } from './gate.ts';
import { type History, hasPublished } from './history.ts';
import type { Rotation } from './kinds.ts';
import { isSuperseded, nextStep, type RotationIntent, replacedAt, supersededStep } from './machine.ts';
import { type Request, requestedStep } from './request.ts';
import type { RotateRequest } from './rotate-request.ts';

/** The transition that a run is about to make, before its gate was asked. */
export interface IntendedStep {
  /** Undefined where there is none to make. */
  readonly step: RotationStep | undefined;
  readonly notes: readonly string[];
  /** The destroyed version whose remains are looked for instead. */
  readonly sweeps?: VersionRecord | undefined;
  /** The one old version that accepted resets are about, where that was just found out. */
  readonly resets?: number | undefined;
}

/** Throws REFUSED where what is asked for can never be done. */
export function intendedStep(context: RotationContext, history: History, now: Date): IntendedStep {
  const { kind, key } = context;
  const unsaved = kind === ROOT_KEY ? newRootKeyUnsaved(key.versions) : undefined;
  const intended = restoredStep(context, history) ?? chooseStep(context, history, now);
  return { ...intended, notes: [...(unsaved === undefined ? [] : [unsaved]), ...intended.notes] };
}

/** For a destroyed version, whose entry may be there again: the ledger tells. Undefined where the record decides. */
function restoredStep(
  { request: { request }, kind, key, comparison }: RotationContext,
  history: History,
): IntendedStep | undefined {
  if (request === undefined || request.type === 'rollback') return undefined;
  if (history.transitions.length > 0 || history.isDestroyed) return undefined;
  const version = key.versions.find(({ kid }) => kid === request.kid);
  if (version?.state !== 'destroyed') return undefined;
  const { n, kid, createdAt } = version;
  const item = comparison.ledger.get(kind)?.find((candidate) => candidate.n === n);
  if (request.type === 'destroy') {
    if (item !== undefined) return { step: { type: 'destroy', n }, notes: [] };
    return { step: undefined, notes: [`v${n} is destroyed already`], sweeps: version };
  }
  const isSame = item?.damage === undefined && item?.entry.facts.kid === kid;
  const isBack = isSame && (item.entry.createdAt === createdAt || isOfUnknownAge(version));
  return request.type === 'reinstate' && isBack ? { step: { type: 'reinstate', n }, notes: [] } : undefined;
}

function chooseStep(context: RotationContext, history: History, now: Date): IntendedStep {
  const { request, kind, key, rotation } = context;
  const { versions } = key;
  if (versions.length === 0) return { step: undefined, notes: [`there is no ${kind} yet`] };
  if (request.request !== undefined) return stepByName(key, request.request, history, now);
  if (rotation.type !== 'versions') {
    throw new PaletteKeysError('REFUSED', `${kind} is not made here: a new one is imported`, {
      hint: 'palette-keys import-cert --cert FILE --key FILE; palette-keys rotate fqdn-certificate --rollback goes back',
    });
  }
  // Resets are accepted for a salt that is old already: nothing else is done with them.
  if (request.acceptResets !== undefined) return resetStep(context, history);
  return rotationStep(context, rotation, history, now);
}

function rotationStep(
  { request, key, record }: RotationContext,
  rotation: Extract<Rotation, { type: 'versions' }>,
  history: History,
  now: Date,
): IntendedStep {
  const { versions } = key;
  const superseded = rotation.policy.keepsTrusted ? supersededStep(versions, history.kept) : undefined;
  // What is left is only known to stay once all consumers use the new version: until then the rotation is open.
  const active = versions.find(({ state }) => state === 'active');
  const confirmed = active === undefined ? undefined : confirmationOf(key, active, now);
  const isOpen = history.kept.size > 0 || (superseded !== undefined && active !== undefined && confirmed === undefined);
  const hasMoved = history.transitions.length > 0;
  const intent: RotationIntent = {
    // A compromised key is replaced once by a command, whatever it has finished or waited for before that.
    mayStart: request.compromised ? !hasPublished(history) : request.mayStart && !hasMoved && !isOpen,
    // It opens a rotation once: what it goes on with may be what the same command, killed, has opened.
    again: request.again && history.completed !== 'this rotation' && !hasMoved && !isOpen,
    compromised: request.compromised,
    minInterval: parseDuration(record.spec.rotation.minInterval),
    replacements: replacementsIn(key),
    keepsTrusted: rotation.policy.keepsTrusted,
    endedAt: superseded === undefined ? undefined : confirmed?.at,
    guardsData: rotation.policy.guardsData || rotation.policy.guardsReturns,
  };
  const next = nextStep(versions, intent, now);
  const notes: string[] = [];
  const before = intent.compromised && !hasMoved ? replacedAt(versions, intent, now) : undefined;
  if (next.type === 'retire' && before !== undefined) {
    notes.push(`already replaced as compromised at ${formatTime(before)}; if that has leaked too: --again`);
  }
  if (next.type === 'done') return { step: superseded, notes };
  // An operator who comes back to restart what still believes a compromised identity wants no other one.
  const isOver = request.compromised || unconfirmedReplacement(key, now) === undefined;
  if (rotation.policy.onlyCompromised && !isOver && next.type === 'publish') return { step: superseded, notes };
  // What completes an interrupted run has done something, whatever cannot follow.
  if (next.type === 'publish' || (next.type === 'too-recent' && history.completed === undefined && isOver))
    refuseSafe(request, rotation);
  if (next.type !== 'too-recent') return { step: next, notes };
  const since = formatTime(next.since);
  const what = request.compromised ? `replaced as compromised at ${since}` : `rotated, or made, at ${since}`;
  const again = history.completed === 'this rotation' && request.again ? '--again, once more,' : '--again';
  const isIdentity = rotation.policy.onlyCompromised && !request.compromised;
  const how = isIdentity ? '' : `; ${again} rotates before ${formatTime(next.until)}`;
  return { step: superseded, notes: [...notes, `already ${what}${how}`] };
}

/** Throws REFUSED for an identity that is not said to be compromised. */
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
function stepByName(key: KeyRecord, request: Request, history: History, now: Date): IntendedStep {
  if (history.transitions.length > 0 || history.isDestroyed) return { step: undefined, notes: [] };
  const { versions } = key;
  const asked = requestedStep(versions, request, exposedIn(key));
  if (asked.type === 'refused') throw new PaletteKeysError('REFUSED', asked.reason, { hint: asked.remedy });
  if (asked.type === 'done') return { step: undefined, notes: [asked.reason] };
  const end = asked.type === 'promote' ? versions.find(({ n }) => n === asked.n)?.notAfter : undefined;
  if (end !== undefined && new Date(end) <= now) {
    throw new PaletteKeysError('REFUSED', `the version to go back to expired on ${end}`, {
      hint: 'go forward instead: the next version is valid',
    });
  }
  return { step: asked, notes: [] };
}

/** The old version that `--accept-resets` is about, fixed once: a count says nothing of another. Throws REFUSED. */
function resetStep({ kind, key: { versions } }: RotationContext, { resets, kept }: History): IntendedStep {
  const old = versions.filter(isSuperseded);
  const [only, ...others] = resets === undefined ? old : old.filter(({ n }) => n === resets);
  if (only === undefined && resets !== undefined) return { step: undefined, notes: [] };
  if (only === undefined) {
    const published = versions.find(({ state }) => state === 'published');
    const way =
      published === undefined ? '' : `; --retire ${published.kid} gives up v${published.n}, which is published`;
    return { step: undefined, notes: [`no old version of ${kind} is trusted: there is none to retire${way}`] };
  }
  if (others.length > 0) {
    throw new PaletteKeysError('REFUSED', `${old.length} old versions are trusted, and --accept-resets is about one`, {
      hint: 'name it: --retire KID',
      details: old.map(({ n, kid }) => ({ message: `v${n} ${kid}` })),
    });
  }
  return { step: supersededStep([only], kept), notes: [], resets: only.n };
}
