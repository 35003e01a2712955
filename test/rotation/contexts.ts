/** What a run has read of one kind, made of plain data: for tests of what is decided on it. */
import type { KindId } from '../../src/ledger/entry.ts';
import type { InstallationRecord, KeyRecord, VersionRecord } from '../../src/ledger/record.ts';
import type { Comparison } from '../../src/reconcile/plan/compare/compare.ts';
import type { RotationContext } from '../../src/rotation/context.ts';
import { type Gathered, NONE_STALE } from '../../src/rotation/facts/gathered.ts';
import type { Evidence } from '../../src/rotation/gate.ts';
import { begin, fold, type History, type RunEvent } from '../../src/rotation/history.ts';
import { ROTATIONS } from '../../src/rotation/kinds.ts';
import type { RotateRequest } from '../../src/rotation/rotate-request.ts';
import { smallSpec } from '../support/installations.ts';

export const NOW = new Date('2027-02-01T00:00:00Z');

/** What differs from a record that is ready, and a plain `rotate KIND`. */
export interface Given {
  readonly kind?: KindId;
  readonly versions: readonly VersionRecord[];
  readonly request?: Partial<RotateRequest>;
  readonly record?: Partial<InstallationRecord>;
  readonly evidence?: KeyRecord['evidence'];
  /** Entries of the ledger, as far as they are looked at. */
  readonly entries?: readonly object[];
  readonly gathered?: Partial<Gathered>;
  /** What this run has done so far. */
  readonly events?: readonly RunEvent[];
}

export function contextOf({ kind = 'jwt-signing-key', versions, ...given }: Given): RotationContext {
  const rotation = ROTATIONS[kind];
  const key = { versions, evidence: given.evidence ?? [] };
  return {
    request: requestOf(kind, given.request),
    ...{ kind, rotation, key, vouched: false, at: NOW },
    record: {
      ...{ schemaVersion: 3, installationId: 'test', createdAt: '2027-01-01T00:00:00Z', generation: 7, ready: true },
      spec: smallSpec({ hashSalt: { census: { collection: 'users', kidField: 'kid' } } }),
      keys: { [kind]: key },
      ...given.record,
    },
    // Of the comparison, decisions look at the ledger alone.
    comparison: { ledger: new Map([[kind, given.entries ?? []]]) } as unknown as Comparison,
  };
}

export function historyOf({ kind = 'jwt-signing-key', events = [] }: Pick<Given, 'kind' | 'events'>): History {
  return events.reduce(fold, begin(kind, undefined));
}

/** Evidence that was read, none of it for the first time. */
export function gatheredOf(change: Partial<Gathered> | undefined): Gathered | undefined {
  if (change === undefined) return undefined;
  const nothing = { confirmed: undefined, scanned: undefined, behind: NONE_STALE };
  return { evidence: {}, ...nothing, ...{ leftOut: [], nameless: [], unprobed: [] }, ...change };
}

/** All consumers are current, and have been for so many seconds. */
export function currentFor(seconds: number): Evidence {
  return { consumers: { status: 'current', at: new Date(NOW.getTime() - seconds * 1000) } };
}

function requestOf(kind: KindId, change: Partial<RotateRequest> = {}): RotateRequest {
  return {
    ...{ kind, request: undefined, mayStart: true, before: undefined, due: false, again: false, compromised: false },
    ...{ restart: false, acceptResets: undefined, services: undefined, dryRun: false, noTenantStore: false },
    ...{ assumeConsumersCurrent: undefined, ignoredPods: [], endpoints: [] },
    ...change,
  };
}
