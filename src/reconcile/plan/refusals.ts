import { type ErrorDetail, PaletteKeysError } from '../../errors.ts';
import { parseLedgerName } from '../../installation/ledger-name.ts';
import { versionedKind } from '../../inventory/index.ts';
import { firstSpecDigest, specDigest } from '../../ledger/known-spec.ts';
import { LABEL } from '../../ledger/metadata.ts';
import { formatRef } from '../../ports/object-ref.ts';
import type { Comparison } from './compare/compare.ts';
import type { Finding } from './findings/finding.ts';
import { blockers, type ReconcilePlan } from './plan-changes.ts';
import { hasAuditLog, type Snapshot } from './snapshot.ts';

/** A rebuilt record never takes this build's defaults: they may have been others. Throws REFUSED where none says. */
export function refuseGuessedSpec({ snapshot }: Comparison): void {
  const { leftOut, ownSpec, ledger, spec, projections } = snapshot;
  if (leftOut !== undefined || ownSpec !== undefined) refuseOtherPrefix(snapshot);
  const digest = firstSpecDigest(ledger);
  if (ownSpec !== undefined || ledger.length === 0 || digest === specDigest(spec)) return;
  // What was never complete has no object that other defaults would change.
  const isStanding = hasAuditLog(snapshot) || projections.size > 0;
  if (leftOut !== undefined && (leftOut.length === 0 || !isStanding)) return;
  if (leftOut !== undefined)
    throw guessed(`the record is gone, and the spec file leaves out ${listed(leftOut)}`, WHOLE);
  const interrupted = 'the first run was interrupted before it stored its spec, which was not the default one';
  const lost = 'the record is gone, and with it the spec of this installation';
  throw guessed(digest === undefined || isStanding ? lost : interrupted, GIVE);
}

const GIVE =
  'give the spec file that it was made with: palette-keys init --config FILE; or put the record back from a backup';
const WHOLE =
  'a record that is rebuilt takes no defaults: write these fields as they were (palette-keys init --print-config lists all)';

function guessed(message: string, hint: string): PaletteKeysError {
  return new PaletteKeysError('REFUSED', message, { hint });
}

function listed(fields: readonly string[]): string {
  const named = fields.slice(0, 8).join(', ');
  return fields.length > 8 ? `${named} and ${fields.length - 8} more fields` : named;
}

/** Keys under another prefix would not be found: the run would make a second root key. */
function refuseOtherPrefix({ ledger, spec }: Snapshot): void {
  const stranger = ledger.find(
    (object) =>
      object.damage === undefined &&
      object.ref.kind === 'Secret' &&
      versionedKind(object.labels[LABEL.kind] ?? '') !== undefined &&
      parseLedgerName(spec, object.ref.name) === undefined,
  );
  if (stranger === undefined) return;
  const message = `${formatRef(stranger.ref)} is a key of this installation; the spec has namePrefix ${spec.namePrefix}`;
  throw new PaletteKeysError('REFUSED', message, {
    hint: 'it would make a second root key; set namePrefix as it was, or begin a new installation in another ledgerNamespace',
  });
}

export function detailsOf(findings: readonly Finding[]): readonly ErrorDetail[] {
  return findings.map(({ code, subject, message, remedy }) => ({ message: `${code} ${subject}: ${message}`, remedy }));
}

/** Throws REFUSED with all that stands in the way. Any blocked step means that no step is carried out. */
export function refuseBlocked(plan: ReconcilePlan): void {
  // That an object cannot be written while its keys are lost follows from what is said of the keys.
  const causes = plan.steps.filter(({ code, n }) => code !== 'LEDGER_LOST' || n !== undefined);
  const findings = blockers(causes.some(({ action }) => action === 'blocked') ? causes : plan.steps);
  const [first] = findings;
  if (first === undefined) return;
  const more = findings.length > 1 ? ` (and ${findings.length - 1} more)` : '';
  throw new PaletteKeysError('REFUSED', `${first.subject}: ${first.message}${more}`, {
    hint: first.remedy,
    details: detailsOf(findings),
  });
}
