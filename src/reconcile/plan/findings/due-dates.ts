import type { InstallationSpec } from '../../../installation/spec.ts';
import type { VersionedKind } from '../../../inventory/kind.ts';
import type { Facts } from '../../../ledger/entry.ts';

/** When the rotation of a version is due; undefined for keys that do not end. */
export function rotateAfterOf(
  kind: Pick<VersionedKind, 'dueBefore'>,
  { notBefore, notAfter }: Facts,
  spec: InstallationSpec,
): Date | undefined {
  const ahead = kind.dueBefore?.(spec);
  if (ahead === undefined || notBefore === undefined || notAfter === undefined) return undefined;
  const [begin, end] = [notBefore.getTime(), notAfter.getTime()];
  // However short its life is: one that was made a moment ago is due for nothing.
  return new Date(Math.max(begin + ((end - begin) * 2) / 3, end - ahead * 1000));
}
