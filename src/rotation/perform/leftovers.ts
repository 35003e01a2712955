import { PaletteKeysError } from '../../errors.ts';
import type { VersionRecord } from '../../ledger/record.ts';
import type { Decision, RotationStep } from '../gate.ts';
import type { Rotation } from '../kinds.ts';
import { isSuperseded, supersededStep } from '../machine.ts';
import type { RotateRequest } from './request.ts';
import type { Log } from './rotation-log.ts';

/** What is left of finished rotations: old versions of a kind that keeps them trusted for as long as they are needed. */

/** True where a step retires one of them, and nobody asked for it by name. */
export function retiresSuperseded(
  step: RotationStep,
  rotation: Rotation,
  versions: readonly VersionRecord[],
  { request }: Pick<RotateRequest, 'request'>,
): step is Extract<RotationStep, { type: 'retire' }> {
  if (rotation.type !== 'versions' || !rotation.policy.keepsTrusted || request !== undefined) return false;
  return step.type === 'retire' && versions.some((version) => version.n === step.n && isSuperseded(version));
}

/** Says that one stays, or in a rehearsal that it could go; false where it goes, or has to be waited for. */
export function reportKept(
  { n }: Extract<RotationStep, { type: 'retire' }>,
  decision: Decision,
  { kind, dryRun }: Pick<RotateRequest, 'kind' | 'dryRun'>,
  log: Log,
): boolean {
  if (decision.open && dryRun) log.say(`next: retire v${n} of ${kind}; nothing stands in the way`);
  else if (!decision.open && (decision.stays === true || dryRun)) {
    log.say([`v${n} stays trusted: ${decision.reason}`, ...decision.blockers].join('; '));
  } else return false;
  log.kept.add(n);
  return true;
}

/**
 * The retirement of the one old version that `--accept-resets` is about, which is fixed once: a count says nothing of
 * another. Undefined where there is none, or it is gone. Throws REFUSED where it is not clear which of several is meant.
 */
export function resetStep(
  versions: readonly VersionRecord[],
  { kind }: Pick<RotateRequest, 'kind'>,
  log: Log,
): RotationStep | undefined {
  const old = versions.filter(isSuperseded);
  if (log.resets === undefined) {
    const [only, ...others] = old;
    if (only === undefined) {
      const published = versions.find(({ state }) => state === 'published');
      const way =
        published === undefined ? '' : `; --retire ${published.kid} gives up v${published.n}, which is published`;
      log.say(`no old version of ${kind} is trusted: there is none to retire${way}`);
      return undefined;
    }
    if (others.length > 0) {
      throw new PaletteKeysError(
        'REFUSED',
        `${old.length} old versions are trusted, and --accept-resets is about one`,
        {
          hint: 'name it: --retire KID',
          details: old.map(({ n, kid }) => ({ message: `v${n} ${kid}` })),
        },
      );
    }
    log.resets = only.n;
  }
  return supersededStep(
    old.filter(({ n }) => n === log.resets),
    log.kept,
  );
}
