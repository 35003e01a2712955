import type { InstallationSpec } from '../installation/spec.ts';
import type { KindId } from '../ledger/entry.ts';
import type { VersionRecord } from '../ledger/record.ts';
import type { ObjectRef } from '../ports/object-ref.ts';
import type { UsersEvidence } from './facts/users.ts';

/** One transition of a kind. `back` marks the return to a version that everybody has accepted ever since. */
export type RotationStep =
  | { readonly type: 'publish' }
  | { readonly type: 'promote'; readonly n: number; readonly back?: true }
  | { readonly type: 'retire'; readonly n: number }
  | { readonly type: 'reinstate'; readonly n: number }
  | { readonly type: 'destroy'; readonly n: number };

export interface GateInput {
  readonly kind: KindId;
  readonly step: RotationStep;
  readonly versions: readonly VersionRecord[];
  readonly spec: InstallationSpec;
  /** The spec until it was made to ask for shorter waits; left out where it never was. */
  readonly former?: { readonly spec: InstallationSpec; readonly until: Date } | undefined;
  /** True where somebody else may hold the old key: soak times protect nobody then. */
  readonly compromised: boolean;
  /** So many records the operator is willing to lose: whoever they belong to has to reset the password. */
  readonly acceptResets: number | undefined;
}

/** What a gate has to know before it decides; it is gathered for the next step alone. */
export type EvidenceRequest =
  /** Whether all consumers have the objects of the kind since `entry` entered its state. */
  | {
      readonly type: 'consumers';
      readonly entry: VersionRecord;
      readonly acknowledged: boolean;
      readonly reloads: boolean;
    }
  /** Who reads the active key alone. */
  | { readonly type: 'readers' }
  /** Which certificates still chain to the version. */
  | { readonly type: 'leaves'; readonly issuer: number }
  /** Whether every tenant key opens; with `kid`, also without that root key; with `counts`, whether that wraps any at all. */
  | { readonly type: 'tenants'; readonly kid?: string; readonly counts?: true }
  /** How many records are hashed with which salt; with `onWord`, the operator may say that there is no database. */
  | { readonly type: 'census'; readonly onWord?: true }
  /**
   * Whether the database server takes the login of the version; with `sessions`, also who uses it; with `givesUp`, a server
   * that cannot be asked has no say where the user was never made, or on the operator's word.
   */
  | { readonly type: 'users'; readonly n: number; readonly sessions: boolean; readonly givesUp?: true }
  /** Which enrolled clusters still need the version. */
  | { readonly type: 'clusters'; readonly kid: string };

/** What was found out; what was not asked for is undefined. */
export interface Evidence {
  readonly consumers?: ConsumersEvidence;
  /** Workloads, by name, that read the active key alone; undefined where nobody can tell. */
  readonly singleReaders?: readonly string[];
  /** Certificates that chain to the version, in words. */
  readonly leaves?: readonly string[];
  readonly tenants?: TenantsEvidence;
  readonly census?: CensusEvidence;
  readonly users?: UsersEvidence;
  readonly clusters?: ClustersEvidence;
}

export type ConsumersEvidence =
  | { readonly status: 'current'; readonly at: Date }
  | { readonly status: 'behind'; readonly blockers: readonly string[] }
  /** `toCopy`: where the store is a folder, what the operator has to bring to where it is used. */
  | { readonly status: 'unknown'; readonly reason: string; readonly toCopy?: readonly ObjectRef[] };

/** Nothing here enrols clusters yet: who else does so has to say that none needs the old version. */
export type ClustersEvidence = 'vouched' | 'unknown';

export type TenantsEvidence =
  /** Every key opens, or the operator says that there is no tenant store. */
  | { readonly status: 'clear' }
  /** Every key opens without the version: so two scans found, the same one where there was only one. */
  | { readonly status: 'unneeded'; readonly first: Date; readonly last: Date }
  | { readonly status: 'needed'; readonly blockers: readonly string[] }
  /** There is no tenant at all; `location`: hosts, database and collection. */
  | { readonly status: 'empty'; readonly location: string }
  /** Documents whose key no root key opens. */
  | { readonly status: 'broken'; readonly blockers: readonly string[] }
  | { readonly status: 'unknown'; readonly reason: string };

export type CensusEvidence =
  | {
      readonly status: 'counted';
      /** Hosts, database and collection. */
      readonly location: string;
      /** Records by the kid that they name, of kids that the record of the installation knows. */
      readonly byKid: ReadonlyMap<string, number>;
      /** Records that name another kid. */
      readonly strange: number;
      /** Records that name none: the field is missing, null, or no string. */
      readonly unmarked: number;
    }
  /** The operator says that there is no database. */
  | { readonly status: 'none' }
  | { readonly status: 'unknown'; readonly reason: string };

export type Decision =
  | { readonly open: true }
  | {
      readonly open: false;
      readonly reason: string;
      /** When it opens by itself. */
      readonly until?: Date;
      /** Who keeps it closed, by name. */
      readonly blockers: readonly string[];
      /** What helps, where waiting does not: the run is refused. */
      readonly remedy?: string;
      /** True where time alone does not open it: somebody has to say something, or to give access. */
      readonly stuck?: true;
      /** True where the operator's word, for the generation that the record is at, opens it. */
      readonly onWord?: true;
      /** Objects that the operator has to bring to where they are used before that. */
      readonly toCopy?: readonly ObjectRef[];
      /** True where nothing has to be waited for: the version stays trusted, and the rotation is finished. */
      readonly stays?: true;
    };

/** Decides, on evidence, whether a kind may take its next step. Pure. */
export interface Gate {
  /** What has to hold before a version is published (left out: nothing) or promoted, and the one before it retired, in words. */
  readonly conditions: { readonly publish?: string; readonly promote: string; readonly retire: string };
  /** How long the step waits, in seconds, after all consumers were found to be current. */
  soak(type: 'promote' | 'retire', spec: InstallationSpec, compromised: boolean): number;
  needs(input: GateInput): readonly EvidenceRequest[];
  decide(input: GateInput, evidence: Evidence, now: Date): Decision;
}

export function versionOf({ versions }: Pick<GateInput, 'versions'>, n: number): VersionRecord {
  const version = versions.find((candidate) => candidate.n === n);
  if (version === undefined) throw new Error(`no version ${n}`);
  return version;
}

export function activeVersion({ versions }: Pick<GateInput, 'versions'>): VersionRecord {
  const active = versions.find(({ state }) => state === 'active');
  if (active === undefined) throw new Error('no active version');
  return active;
}

/** The version that a step gives up though no gate has ever asked for its data, or for good; undefined for other steps. */
export function forgottenBy(input: Pick<GateInput, 'step' | 'versions'>): VersionRecord | undefined {
  const { step } = input;
  if (step.type !== 'destroy' && step.type !== 'retire') return undefined;
  const version = versionOf(input, step.n);
  return step.type === 'destroy' || version.state === 'published' ? version : undefined;
}

export function closed(reason: string, blockers: readonly string[] = []): Decision {
  return { open: false, reason, blockers };
}

export function refused(reason: string, remedy: string, blockers: readonly string[] = []): Decision {
  return { open: false, reason, blockers, remedy };
}

export const OPEN: Decision = { open: true };

/** The first decision that is closed; open where none is. */
export function all(...decisions: readonly Decision[]): Decision {
  return decisions.find(({ open }) => !open) ?? OPEN;
}
