import type { VersionRecord } from '../../ledger/record.ts';
import type { Pod } from '../../ports/workloads.ts';
import type { Evidence } from '../gate.ts';
import type { Confirmation } from './confirmation.ts';
import type { StalePod } from './consumers.ts';
import type { Scan } from './scans.ts';

export interface Gathered {
  readonly evidence: Evidence;
  readonly confirmed: Confirmed | undefined;
  /** A first look that found nothing that needs the old version, or that the one before no longer counts. */
  readonly scanned: ScanNote | undefined;
  readonly behind: StaleConsumers;
  /** Pods (`<namespace>/<name>`) that would be behind, but that the operator vouched for earlier. */
  readonly leftOut: readonly string[];
  /** Names to be left out that no Pod has. */
  readonly nameless: readonly string[];
  /** Endpoints that could not be looked at, in words. */
  readonly unprobed: readonly string[];
}

/** What the record has to keep of it. */
export type FoundEvidence = Pick<Gathered, 'confirmed' | 'scanned'>;

export interface Confirmed extends Pick<Confirmation, 'by' | 'ignored'> {
  readonly version: VersionRecord;
  /** The confirmation that it replaces: it no longer counts, or more Pods are vouched for by now. */
  readonly instead: Confirmation | undefined;
  /** When that was found out, as it is noted; what is counted from is `noEarlier`. */
  readonly at: Date;
}

/** What is to be kept of the first scan that found nothing under `old`; undefined: none counts any more. */
export interface ScanNote {
  readonly old: VersionRecord;
  readonly active: VersionRecord;
  readonly scan: Scan | undefined;
}

/** Pods that have not picked a change up, and from when on a restart gives it to them. */
export interface StaleConsumers extends Pick<Gathered, 'nameless'> {
  readonly pods: readonly StalePod[];
  readonly settledAt: Date;
  /** What the spec declares as a consumer, and the cluster does not have, in words. */
  readonly missing: readonly string[];
  /** Which such consumer could not be looked at, in words. */
  readonly unknown: string | undefined;
}

export const NONE_STALE: StaleConsumers = {
  ...{ pods: [], settledAt: new Date(0), missing: [], unknown: undefined, nameless: [] },
};

export function nameOfPod({ namespace, name }: Pod): string {
  return `${namespace}/${name}`;
}

export function describeNameless(name: string): string {
  return `--ignore-pod ${name}: there is no such Pod where the spec has anything`;
}

export function describeStalePod({ pod, reason }: StalePod): string {
  const { workload } = pod;
  return `Pod ${nameOfPod(pod)}${workload === undefined ? '' : ` of ${workload}`}: ${reason}`;
}

/** What has to be said of the evidence, whatever is decided on it. */
export function remarksOn({ leftOut, nameless, unprobed }: Gathered): readonly string[] {
  return [
    ...leftOut.map((pod) => `left out on an earlier word: ${pod}`),
    ...nameless.map(describeNameless),
    ...unprobed,
  ];
}

/** Workloads that a restart gives the change to, and that this run has not restarted for it. */
export function restartable(
  { pods, settledAt }: Pick<StaleConsumers, 'pods' | 'settledAt'>,
  restarted: ReadonlyMap<string, number>,
): readonly string[] {
  // A Pod that is being deleted is gone no sooner if those that came in its place are started anew.
  const staying = pods.filter(({ pod: { leaving }, restarts }) => restarts && !leaving);
  const names = [...new Set(staying.flatMap(({ pod: { workload } }) => (workload === undefined ? [] : [workload])))];
  const settled = settledAt.getTime();
  return names.filter((name) => (restarted.get(name) ?? Number.NEGATIVE_INFINITY) < settled).sort();
}
