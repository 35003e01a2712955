import type { InstallationSpec } from '../../../installation/spec.ts';
import { VERSIONED } from '../../../inventory/index.ts';
import type { VersionedKind } from '../../../inventory/kind.ts';
import type { LedgerItem } from '../../../inventory/ledger-view.ts';
import { type Facts, formatTime, type KindId } from '../../../ledger/entry.ts';
import { activeOf } from '../../../ledger/ring.ts';
import { formatRef } from '../../../ports/object-ref.ts';
import type { Comparison } from '../compare/compare.ts';
import { auditFindings } from './audit.ts';
import { backupFindings } from './backups.ts';
import { rotateAfterOf } from './due-dates.ts';
import { type Finding, finding } from './finding.ts';
import { leftoverFindings } from './leftovers.ts';
import { seenFindings } from './tenants.ts';

/** What no run of `init` changes: due dates, clocks, rotations that the spec asks for, backups, the audit log. */
export function standingFindings(comparison: Comparison, now: Date): readonly Finding[] {
  return [
    ...specFindings(comparison),
    ...backupFindings(comparison, now),
    ...VERSIONED.flatMap(({ id }) => versionFindings(id, comparison, now)),
    ...leafFindings(comparison, now),
    ...auditFindings(comparison),
    ...seenFindings(comparison),
    ...leftoverFindings(comparison.snapshot),
  ];
}

function specFindings({ snapshot: { spec } }: Comparison): readonly Finding[] {
  const { bits } = spec.tenantKeys;
  if (bits >= 112) return [];
  const message = `tenant keys of ${bits} bits can be searched through by brute force`;
  const remedy = 'set tenantKeys.bits to 128 or more, if the platform takes it; new tenants then get longer keys';
  return [finding('TENANT_KEY_BELOW_112_BITS', 'tenantKeys', message, remedy)];
}

function versionFindings(id: KindId, { snapshot, rings, ledger, record }: Comparison, now: Date): readonly Finding[] {
  const ring = rings.get(id);
  const kind = VERSIONED.find((candidate) => candidate.id === id);
  if (kind === undefined) return [];
  const recorded = record.status === 'sound' ? (record.record.keys[id]?.versions ?? []) : undefined;
  const isUnrecorded = ({ n }: LedgerItem): boolean => recorded?.every((version) => version.n !== n) ?? false;
  const unrecorded = (ledger.get(id) ?? []).filter(isUnrecorded).map(unrecordedFinding);
  // The very first request or import may have been interrupted; of other kinds a missing ring tells more.
  if (ring === undefined) return kind.policy.madeByInit ? [] : unrecorded;
  const active = activeOf(ring);
  const drift = kind.drift(active, snapshot.spec);
  const gone = (recorded ?? []).filter(({ state }) => state === 'destroyed');
  const returned = (ledger.get(id) ?? []).filter(({ n }) => gone.some((version) => version.n === n));
  return [
    ...(drift === undefined ? [] : [finding('ROTATION_NEEDED', id, drift, `palette-keys rotate ${id}`)]),
    ...unrecorded,
    ...returned.map(({ ref, n }) => {
      const kid = gone.find((version) => version.n === n)?.kid ?? '';
      const message = `v${n} (${kid}) is destroyed, but its entry is there: out of a backup, or deleting it failed`;
      const remedy = `palette-keys rotate ${id} --destroy ${kid} deletes it; --reinstate ${kid} accepts it again`;
      return finding('LEDGER_ENTRY_DESTROYED', formatRef(ref), message, remedy);
    }),
    ...(kind.policy.madeByInit
      ? caFindings(kind, active.facts, snapshot.spec, now)
      : importedFindings(kind, active.facts, snapshot.spec, now)),
  ];
}

function unrecordedFinding(item: LedgerItem): Finding {
  const unknown = 'the record does not know this version';
  const [message, remedy] =
    item.damage === undefined
      ? [`${unknown}: a run was interrupted after writing it`, 'run the command that was interrupted again']
      : [
          `${unknown}, no backup will hold it, and it is damaged: ${item.damage}`,
          item.remedy ?? 'move it away and keep it',
        ];
  return finding('LEDGER_ENTRY_UNRECORDED', formatRef(item.ref), message, remedy);
}

function caFindings(kind: VersionedKind, facts: Facts, spec: InstallationSpec, now: Date): readonly Finding[] {
  const { id } = kind;
  const { notBefore, notAfter } = facts;
  if (notBefore === undefined || notAfter === undefined) return [];
  if (now < notBefore) {
    return [notYetValid(id, notBefore, now, `; if it is right: palette-keys rotate ${id} --again`)];
  }
  if (now >= notAfter) {
    const message = `it expired on ${formatTime(notAfter)}; the clock says ${formatTime(now)}`;
    return [finding('CA_EXPIRED', id, message, `if the clock is right: palette-keys rotate ${id}`)];
  }
  const due = rotateAfterOf(kind, facts, spec);
  if (due === undefined || now < due) return [];
  const message = `its rotation was due on ${formatTime(due)}; it expires on ${formatTime(notAfter)}`;
  return [finding('CA_RENEWAL_DUE', id, message, `palette-keys rotate ${id}`)];
}

/** The imported certificate of the front door: nobody but the PKI team can renew it, which takes its time. */
function importedFindings(kind: VersionedKind, facts: Facts, spec: InstallationSpec, now: Date): readonly Finding[] {
  const { id } = kind;
  const { notBefore, notAfter } = facts;
  if (notBefore === undefined || notAfter === undefined) return [];
  if (now < notBefore) return [notYetValid(id, notBefore, now)];
  const remedy = 'palette-keys csr makes a request for a new one; palette-keys import-cert takes the answer in';
  if (now >= notAfter) return [finding('CERTIFICATE_EXPIRED', id, `it expired on ${formatTime(notAfter)}`, remedy)];
  const due = rotateAfterOf(kind, facts, spec);
  if (due === undefined || now < due) return [];
  return [finding('CERTIFICATE_RENEWAL_DUE', id, `it expires on ${formatTime(notAfter)}`, remedy)];
}

function leafFindings({ projections }: Comparison, now: Date): readonly Finding[] {
  return projections.flatMap(({ projection, leaf, outcome }) => {
    const facts = leaf?.leaf;
    if (facts === undefined || outcome.action !== 'keep') return [];
    const subject = formatRef(projection.ref);
    const again = `; if it is right: palette-keys rotate ${projection.kind} --again`;
    if (now < facts.notBefore) return [notYetValid(subject, facts.notBefore, now, again)];
    if (now < facts.rotateAfter) return [];
    const message = `its renewal was due on ${formatTime(facts.rotateAfter)}; it expires on ${formatTime(facts.notAfter)}`;
    return [finding('CERTIFICATE_RENEWAL_DUE', subject, message, `palette-keys rotate ${projection.kind}`)];
  });
}

function notYetValid(subject: string, notBefore: Date, now: Date, otherwise = ''): Finding {
  const message = `it is valid from ${formatTime(notBefore)} on, but the clock says ${formatTime(now)}`;
  return finding('CLOCK_BEFORE_NOT_BEFORE', subject, message, `set the clock of this machine (NTP)${otherwise}`);
}
