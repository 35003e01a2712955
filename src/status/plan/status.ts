import { PaletteKeysError } from '../../errors.ts';
import { RECORD_NAME } from '../../installation/names.ts';
import { INVENTORY, isWanted } from '../../inventory/index.ts';
import type { Kind, VersionedKind } from '../../inventory/kind.ts';
import { formatTime, type KindId } from '../../ledger/entry.ts';
import { type InstallationRecord, isOlder, SCHEMA_VERSION, type VersionRecord } from '../../ledger/record.ts';
import { activeOf } from '../../ledger/ring.ts';
import { formatRef } from '../../ports/object-ref.ts';
import { trailOf } from '../../reconcile/plan/audit-log.ts';
import type { Comparison } from '../../reconcile/plan/compare/compare.ts';
import { clockFindings } from '../../reconcile/plan/findings/clock.ts';
import { rotateAfterOf } from '../../reconcile/plan/findings/due-dates.ts';
import { type Finding, finding } from '../../reconcile/plan/findings/finding.ts';
import { standingFindings } from '../../reconcile/plan/findings/findings.ts';
import { planChanges, type ReconcilePlan } from '../../reconcile/plan/plan-changes.ts';
import type { ObjectStep } from '../../reconcile/plan/step.ts';

export interface StatusReport {
  readonly installationId: string;
  /** The platform's. */
  readonly namespace: string;
  readonly keys: readonly KeyStatus[];
  /** Number of lines that the audit log ever had, and `SHA256:` with the digest of the last one; not for a log that cannot be read. */
  readonly audit?: { readonly lines: number; readonly head: string };
  readonly findings: readonly Finding[];
}

export interface KeyStatus {
  readonly key: string;
  readonly title: string;
  /** There where the installation does without the kind: its versions are kept, nothing uses them. */
  readonly kept?: true;
  readonly objects: readonly string[] | readonly LeafStatus[];
  readonly versions?: readonly VersionStatus[];
  readonly notAfter?: string;
  readonly rotateAfter?: string;
  readonly findings: readonly Finding[];
}

export interface LeafStatus {
  readonly object: string;
  readonly fingerprint?: string;
  readonly notBefore?: string;
  readonly notAfter?: string;
  readonly rotateAfter?: string;
}

export interface VersionStatus
  extends Pick<VersionRecord, 'n' | 'kid' | 'state' | 'since' | 'createdAt' | 'fingerprint' | 'notAfter'> {
  /** There for certificates whose entry is at hand; one that was imported is older than its version. */
  readonly notBefore?: string;
}

/** What `status` shows, or undefined where the store holds no installation. */
export function reportStatus(comparison: Comparison, now: Date): StatusReport | undefined {
  const { installationId } = comparison;
  const { ledger, projections } = comparison.snapshot;
  if (installationId === undefined && ledger.length === 0 && projections.size === 0) return undefined;
  const plan = planChanges(comparison, now);
  const findings = [
    ...recordFindings(comparison, plan),
    ...clockFindings(comparison, now),
    ...plan.steps.flatMap(stepFindings),
    ...standingFindings(comparison, now),
  ];
  const { spec } = comparison.snapshot;
  const isShown = (kind: Kind) => isWanted(kind, spec) && (!kind.versioned || kind.policy.madeByInit);
  const shown = INVENTORY.filter((kind) => isShown(kind) || comparison.rings.has(kind.id));
  const keys = shown.map((kind) => keyStatus(kind, plan, comparison, findings));
  const { namespace } = comparison.snapshot.spec;
  return { installationId: installationId ?? '', namespace, keys, ...auditOf(comparison), findings };
}

function auditOf({ snapshot }: Comparison): Pick<StatusReport, 'audit'> {
  const { lines, head } = trailOf(snapshot) ?? { lines: 0, head: null };
  return head === null ? {} : { audit: { lines, head: `SHA256:${head}` } };
}

function recordFindings({ record, snapshot }: Comparison, plan: ReconcilePlan): readonly Finding[] {
  const subject = `ConfigMap/${snapshot.spec.ledgerNamespace}/palette-keys-installation`;
  if (record.status === 'missing') {
    return [
      finding('RECORD_LOST', subject, 'the record is not there', 'palette-keys init rebuilds it from the ledger'),
    ];
  }
  if (record.status === 'damaged') {
    const message = `the record is damaged: ${record.damage}`;
    return [finding('RECORD_DAMAGED', subject, message, 'palette-keys init --yes rebuilds it from the ledger')];
  }
  const old = isOlder(record.record) ? [outdatedRecord(subject, record.record)] : [];
  if (!plan.completes) return old;
  const message = 'a run was interrupted, or another one is at work';
  return [...old, finding('INSTALLATION_INCOMPLETE', subject, message, 'if no run is at work: palette-keys init')];
}

function outdatedRecord(subject: string, { schemaVersion }: InstallationRecord): Finding {
  const message = `an older palette-keys wrote the record (schemaVersion ${schemaVersion}; this one writes ${SCHEMA_VERSION})`;
  return finding(
    'RECORD_OUTDATED',
    subject,
    message,
    'palette-keys init --yes migrates it; until then nothing is lost',
  );
}

/** What can be said of an installation whose record a newer build wrote. Undefined for any other failure. */
export function tooNewStatus(error: unknown, namespace: string): StatusReport | undefined {
  if (!(error instanceof PaletteKeysError) || error.code !== 'RECORD_TOO_NEW') return undefined;
  const { message, hint } = error;
  return {
    installationId: 'unknown',
    namespace,
    keys: [],
    findings: [finding('RECORD_TOO_NEW', RECORD_NAME, message, hint)],
  };
}

function stepFindings(step: ObjectStep): readonly Finding[] {
  if (step.action === 'keep') return [];
  const remedy = step.remedy ?? `palette-keys init${step.replaces === true ? ' --yes' : ''}`;
  return [finding(step.code ?? 'INSTALLATION_INCOMPLETE', formatRef(step.ref), step.reason ?? '', remedy)];
}

function keyStatus(kind: Kind, plan: ReconcilePlan, comparison: Comparison, all: readonly Finding[]): KeyStatus {
  const steps = plan.steps.filter(({ key }) => key === kind.id);
  const places = steps.map(({ ref }) => formatRef(ref));
  const findings = all.filter(({ subject }) => subject === kind.id || places.includes(subject));
  const { id: key, title } = kind;
  const kept = isWanted(kind, comparison.snapshot.spec) ? {} : { kept: true as const };
  if (kind.versioned) return { key, title, ...kept, objects: places, ...versionsOf(kind, comparison), findings };
  const objects = leafStatuses(kind.id, comparison);
  return { key, title, objects, ...earliest(objects), findings };
}

function versionsOf(kind: VersionedKind, { record, rings, snapshot }: Comparison): Partial<KeyStatus> {
  const { id } = kind;
  const recorded = record.status === 'sound' ? (record.record.keys[id]?.versions ?? []) : [];
  const ring = rings.get(id);
  const versions = recorded.map(({ n, kid, state, since, createdAt, fingerprint, notAfter }) => {
    const begin = ring?.find((version) => version.n === n)?.facts.notBefore;
    return {
      ...{ n, kid, state, since, createdAt },
      ...(fingerprint === undefined ? {} : { fingerprint }),
      ...(begin === undefined ? {} : { notBefore: formatTime(begin) }),
      ...(notAfter === undefined ? {} : { notAfter }),
    };
  });
  const facts = ring === undefined ? undefined : activeOf(ring).facts;
  const due = facts === undefined ? undefined : rotateAfterOf(kind, facts, snapshot.spec);
  if (facts?.notAfter === undefined || due === undefined) return { versions };
  return { versions, notAfter: formatTime(facts.notAfter), rotateAfter: formatTime(due) };
}

function leafStatuses(id: KindId, { projections }: Comparison): readonly LeafStatus[] {
  return projections
    .filter(({ projection }) => projection.kind === id)
    .map(({ projection, leaf }) => {
      const object = formatRef(projection.ref);
      const facts = leaf?.leaf;
      if (facts === undefined) return { object };
      const { fingerprint, notBefore, notAfter, rotateAfter } = facts;
      const dates = {
        notBefore: formatTime(notBefore),
        notAfter: formatTime(notAfter),
        rotateAfter: formatTime(rotateAfter),
      };
      return { object, fingerprint, ...dates };
    });
}

function earliest(leaves: readonly LeafStatus[]): Pick<KeyStatus, 'notAfter' | 'rotateAfter'> {
  const first = (times: readonly (string | undefined)[]) => times.filter((time) => time !== undefined).sort()[0];
  const notAfter = first(leaves.map((leaf) => leaf.notAfter));
  const rotateAfter = first(leaves.map((leaf) => leaf.rotateAfter));
  return { ...(notAfter === undefined ? {} : { notAfter }), ...(rotateAfter === undefined ? {} : { rotateAfter }) };
}
