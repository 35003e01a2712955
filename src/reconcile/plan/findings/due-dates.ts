import { parseDuration } from '../../../installation/duration.ts';
import type { InstallationSpec } from '../../../installation/spec.ts';
import type { Facts, KindId } from '../../../ledger/entry.ts';

const DAY_MS = 86_400_000;

/** Certificates of clusters are issued and renewed by others: a year is time enough to replace every one of them. */
const CLUSTERS_MS = 365 * DAY_MS;

/** The PKI team takes its time. */
const IMPORT_MS = 30 * DAY_MS;

/** When the rotation of a version is due; undefined for keys that do not end. */
export function rotateAfterOf(id: KindId, { notBefore, notAfter }: Facts, spec: InstallationSpec): Date | undefined {
  if (notBefore === undefined || notAfter === undefined) return undefined;
  const [begin, end] = [notBefore.getTime(), notAfter.getTime()];
  // However short its life is: one that was made a moment ago is due for nothing.
  return new Date(Math.max(begin + ((end - begin) * 2) / 3, end - aheadOf(id, spec)));
}

/** How long before its end, in milliseconds: from then on a CA cuts the life of what it issues short. */
function aheadOf(id: KindId, { serviceCertificates }: InstallationSpec): number {
  if (id === 'fqdn-certificate') return IMPORT_MS;
  return id === 'cluster-ca' ? CLUSTERS_MS : parseDuration(serviceCertificates.validity) * 1000;
}
