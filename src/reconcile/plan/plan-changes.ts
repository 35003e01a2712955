import { PaletteKeysError } from '../../errors.ts';
import { diffSpecs, refusedChanges, type SpecChange } from '../../installation/diff.ts';
import { ledgerSecret } from '../../installation/ledger-name.ts';
import { auditConfigMap, recordConfigMap } from '../../installation/names.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import { INVENTORY, projectionsOf } from '../../inventory/index.ts';
import type { KindId } from '../../ledger/entry.ts';
import { firstSpecDigest, specDigest } from '../../ledger/known-spec.ts';
import { type InstallationRecord, RECORD_KEY, SCHEMA_VERSION } from '../../ledger/record.ts';
import { formatRef } from '../../ports/object-ref.ts';
import { AUDIT_KEY, trailToMend } from './audit-log.ts';
import type { Transition } from './change.ts';
import type { Comparison } from './compare/compare.ts';
import { numberOf, type VersionItem } from './compare/version-item.ts';
import { auditFindings } from './findings/audit.ts';
import { type Finding, finding } from './findings/finding.ts';
import { standingFindings } from './findings/findings.ts';
import { sweepable } from './findings/leftovers.ts';
import { blockUnknownRootKey } from './findings/tenants.ts';
import { nextRecord } from './next-record.ts';
import type { ObjectStep } from './step.ts';

/** What a run of `init` will do: ids and reasons, never key bytes. */
export interface ReconcilePlan {
  readonly installationId: string | undefined;
  readonly spec: InstallationSpec;
  readonly steps: readonly ObjectStep[];
  /** What stands in the way, and what remains to be said once the steps are done. */
  readonly findings: readonly Finding[];
  readonly specChanges: readonly SpecChange[];
  readonly transitions: readonly Transition[];
  /** Objects that the new spec no longer names; they stay where they are. */
  readonly orphanedObjects: readonly string[];
  readonly missingNamespaces: readonly string[];
  /** Temp files of earlier runs, which the run deletes. */
  readonly sweeps: readonly string[];
  /** Why somebody has to agree first, in words; empty where nothing that exists is changed. */
  readonly confirm: readonly string[];
  /** What that agreement covers, one by one: a later plan may do nothing else to what exists. */
  readonly consents: readonly string[];
  /** True where an earlier run was interrupted and this one completes it. */
  readonly completes: boolean;
  /** True where there is anything to write at all. */
  readonly changes: boolean;
}

/** Turns an assessment into a plan. Throws REFUSED where the spec changes what must never change. */
export function planChanges(comparison: Comparison, now: Date): ReconcilePlan {
  const { snapshot, record } = comparison;
  const before = record.status === 'sound' ? record.record : undefined;
  const { ownSpec } = snapshot;
  const refused = ownSpec === undefined ? [] : refusedChanges(ownSpec, snapshot.spec);
  if (refused.length > 0) {
    throw new PaletteKeysError('REFUSED', `an installation cannot change its ${refused.join(', ')}`, {
      hint: 'it would make a second root key; set the old value again, or begin a new installation elsewhere',
    });
  }
  const all = INVENTORY.flatMap(({ id }) => [...ledgerSteps(id, comparison), ...projectionSteps(id, comparison)]);
  const steps = [...migrationSteps(comparison), ...auditSteps(comparison), ...blockUnknownRootKey(all, comparison)];
  const specChanges = ownSpec === undefined ? [] : diffSpecs(ownSpec, snapshot.spec);
  const sweeps = sweepable(snapshot).map(({ place }) => place);
  const completes = before?.ready === false;
  const writes = steps.some(({ action }) => action !== 'keep') || snapshot.missingNamespaces.length > 0;
  return {
    installationId: comparison.installationId,
    spec: snapshot.spec,
    steps,
    findings: [...blockers(steps), ...standingFindings(comparison, now)],
    specChanges,
    transitions: before === undefined ? [] : transitionsOf(before, comparison),
    orphanedObjects: before === undefined ? [] : orphanedIn(before, comparison),
    missingNamespaces: snapshot.missingNamespaces,
    sweeps,
    confirm: reasonsToAsk(comparison, steps, specChanges),
    consents: consentsOf(comparison, steps, specChanges),
    completes,
    changes: writes || sweeps.length > 0 || completes || recordChanges(comparison, before, now),
  };
}

/** The record of an older build gets the newest schema; nothing of its content changes. */
function migrationSteps({ migrates, record, snapshot }: Comparison): readonly ObjectStep[] {
  if (!migrates || record.status !== 'sound') return [];
  const reason = `schemaVersion ${record.record.schemaVersion} becomes ${SCHEMA_VERSION}; older builds then refuse to write`;
  return [{ action: 'update', ref: recordConfigMap(snapshot.spec), key: RECORD_KEY, reason, replaces: true }];
}

/** A log that is not what the record says is anchored anew, and says so itself. */
function auditSteps(comparison: Comparison): readonly ObjectStep[] {
  if (trailToMend(comparison) === undefined) return [];
  const [finding] = auditFindings(comparison);
  const reason = `the log gets a line that says it is broken, and is followed from there on: ${finding?.message ?? ''}`;
  return [{ action: 'update', ref: auditConfigMap(comparison.snapshot.spec), key: AUDIT_KEY, reason, replaces: true }];
}

/** With what was done before, by `formatRef`: what was created is there, and a plan would keep it. */
export function withDone(steps: readonly ObjectStep[], done: ReadonlyMap<string, ObjectStep>): readonly ObjectStep[] {
  const planned = new Set(steps.map(({ ref }) => formatRef(ref)));
  const others = [...done].flatMap(([object, step]) => (planned.has(object) ? [] : [step]));
  const told = steps.map((step): ObjectStep => {
    const before = done.get(formatRef(step.ref));
    return before === undefined ? step : { ...step, action: before.action, reason: before.reason ?? '' };
  });
  return [...told, ...others];
}

export function blockers(steps: readonly ObjectStep[]): readonly Finding[] {
  return steps.flatMap(({ action, code, ref, reason, remedy }) =>
    action === 'blocked' && code !== undefined ? [finding(code, formatRef(ref), reason ?? '', remedy ?? '')] : [],
  );
}

function ledgerSteps(id: KindId, comparison: Comparison): readonly ObjectStep[] {
  const { scope, snapshot, versions } = comparison;
  const { spec } = snapshot;
  // What is wrong with another kind is no obstacle, unless something of this one is computed from it.
  const items = (versions.get(id) ?? []).filter((item) => [undefined, id].includes(scope) || item.action !== 'blocked');
  return items.map((item) => {
    const n = numberOf(item);
    return { ref: ledgerSecret(spec, id, n), key: id, n, ...ledgerAction(item) };
  });
}

function ledgerAction(item: VersionItem): Omit<ObjectStep, 'ref' | 'key' | 'n'> {
  switch (item.action) {
    case 'create':
      return { action: 'create', reason: item.reason, ...(item.code === undefined ? {} : { code: item.code }) };
    case 'blocked':
      return { ...item, kid: item.kid ?? '' };
    case 'keep':
      return { action: 'keep', ...publicFacts(item.version.facts) };
    case 'restore': {
      const reason = `it is gone; ${item.from === undefined ? 'a projection' : formatRef(item.from.ref)} holds its key`;
      return { action: 'restore', reason, code: 'LEDGER_ENTRY_LOST', ...publicFacts(item.version.facts) };
    }
    case 'add': {
      const reason = `it is added as ${item.version.state} version`;
      return { action: 'create', reason, ...publicFacts(item.version.facts) };
    }
    case 'adopt': {
      const from = item.from === undefined ? 'a projection' : formatRef(item.from.ref);
      const reason = `the key in ${from} is taken in as ${item.version.state} version`;
      return { action: 'create', reason, code: 'FOREIGN_EDIT', ...publicFacts(item.version.facts) };
    }
  }
}

function publicFacts({ kid, fingerprint }: { readonly kid: string; readonly fingerprint?: string }) {
  return fingerprint === undefined ? { kid } : { kid, fingerprint };
}

function projectionSteps(id: KindId, comparison: Comparison): readonly ObjectStep[] {
  return comparison.projections
    .filter(({ projection }) => projection.kind === id)
    .map(({ projection, outcome, leaf }): ObjectStep => {
      const writes = outcome.action !== 'keep' && outcome.action !== 'blocked';
      const step = { ref: projection.ref, key: id, ...outcome };
      return writes && leaf?.reissue === true ? { ...step, issues: true } : step;
    });
}

/** How the states of the record differ from those that the versions will have. */
function transitionsOf(before: InstallationRecord, { versions }: Comparison): readonly Transition[] {
  return [...versions].flatMap(([kind, items]) =>
    items.flatMap((item): Transition[] => {
      if (item.action === 'blocked') return [];
      const n = numberOf(item);
      const to = item.action === 'create' ? item.state : item.version.state;
      const from = before.keys[kind]?.versions.find((version) => version.n === n)?.state;
      const kid = item.action === 'create' ? '' : item.version.facts.kid;
      return to === undefined || from === to ? [] : [{ kind, n, kid, from, to }];
    }),
  );
}

function orphanedIn(before: InstallationRecord, { snapshot, rings }: Comparison): readonly string[] {
  const now = new Set(projectionsOf(snapshot.spec, rings).map(({ ref }) => formatRef(ref)));
  return projectionsOf(before.spec, rings)
    .map(({ ref }) => formatRef(ref))
    .filter((place) => !now.has(place));
}

function reasonsToAsk(
  comparison: Comparison,
  steps: readonly ObjectStep[],
  specChanges: readonly SpecChange[],
): readonly string[] {
  const replaced = steps.filter(({ replaces }) => replaces === true);
  const adopted = [...comparison.versions.values()].flat().filter(({ action }) => action === 'adopt');
  const lost = steps.filter(({ action, code }) => action === 'create' && code === 'LEDGER_LOST');
  const some = ({ length }: readonly unknown[], reason: string): readonly string[] => (length > 0 ? [reason] : []);
  return [
    ...some(specChanges, `change the spec in ${specChanges.length} ${plural(specChanges.length, 'place')}`),
    ...some(adopted, `take ${adopted.length} ${plural(adopted.length, 'key')} in that palette-keys did not make`),
    ...some(lost, `replace ${lost.length} lost ${plural(lost.length, 'key')} by new ones`),
    ...some(replaced, `write ${replaced.length} existing ${plural(replaced.length, 'object')} anew`),
    ...(comparison.record.status === 'damaged' ? ['replace the damaged record by one rebuilt from the ledger'] : []),
    ...(isOtherFirstSpec(comparison)
      ? ['go on with another spec than the one that the interrupted run began with']
      : []),
  ];
}

function consentsOf(
  comparison: Comparison,
  steps: readonly ObjectStep[],
  specChanges: readonly SpecChange[],
): readonly string[] {
  const { versions, record, snapshot } = comparison;
  const adopted = [...versions].flatMap(([kind, items]) =>
    items.flatMap((item) => (item.action === 'adopt' ? [`adopt ${kind} ${item.version.facts.kid}`] : [])),
  );
  return [
    ...steps.filter(({ replaces }) => replaces === true).map(({ ref }) => `replace ${formatRef(ref)}`),
    ...steps
      .filter(({ action, code }) => action === 'create' && code === 'LEDGER_LOST')
      .map(({ key }) => `replace the lost ${key}`),
    ...specChanges.map((change) => `spec ${JSON.stringify(change)}`),
    ...adopted,
    ...(record.status === 'damaged' ? ['replace the record'] : []),
    ...(isOtherFirstSpec(comparison) ? [`first spec ${specDigest(snapshot.spec)}`] : []),
  ];
}

/** The first run was killed after its root key, before the record with its spec: nothing else was made by that spec. */
function isOtherFirstSpec({ snapshot }: Comparison): boolean {
  const { ownSpec, ledger, spec } = snapshot;
  const digest = firstSpecDigest(ledger);
  return ownSpec === undefined && digest !== undefined && digest !== specDigest(spec);
}

const plural = (count: number, noun: string): string => (count === 1 ? noun : `${noun}s`);

function recordChanges(comparison: Comparison, before: InstallationRecord | undefined, now: Date): boolean {
  const { installationId, snapshot, rings, migrates } = comparison;
  if (before === undefined || installationId === undefined) return true;
  const projections = snapshot.projections.values();
  return nextRecord(before, { installationId, spec: snapshot.spec, rings, projections, now, migrates }) !== before;
}
