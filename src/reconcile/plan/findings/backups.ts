import { ROOT_KEY } from '../../../ledger/kind-id.ts';
import type { VersionRecord } from '../../../ledger/record.ts';
import type { Comparison } from '../compare/compare.ts';
import { type Finding, finding } from './finding.ts';

/** Days after which somebody should see whether the backup can still be found and opened. */
const OLD_AFTER_DAYS = 90;

const HOW = 'palette-keys backup --out FILE --recipient age1…; keep it apart from the store';

/** Nags until every key that is in use is in a backup that somebody could still find. */
export function backupFindings({ record }: Comparison, now: Date): readonly Finding[] {
  if (record.status !== 'sound') return [];
  const { keys } = record.record;
  const root = keys[ROOT_KEY]?.versions.find(({ state }) => state === 'active');
  if (root === undefined || root.backups.length === 0) {
    const message = 'no backup holds the active root key: if this store is lost, all tenant data is lost';
    return [finding('ROOT_KEY_NOT_BACKED_UP', ROOT_KEY, message, HOW)];
  }
  const missing = Object.entries(keys).flatMap(([kind, { versions }]) =>
    versions
      .filter(isUnsaved)
      .map(({ n, kid }) =>
        finding('BACKUP_OUTDATED', kind, `no backup holds ${kind} v${n} (${kid}), which is in use`, HOW),
      ),
  );
  const all = Object.values(keys).flatMap(({ versions }) => versions);
  return [...missing, ...oldBackup(all, now)];
}

function isUnsaved({ state, backups }: VersionRecord): boolean {
  return (state === 'active' || state === 'trusted') && backups.length === 0;
}

/** What is said of the root key that a rotation has made, while no backup holds it: tenant keys will be wrapped by it. */
export function newRootKeyUnsaved(versions: readonly VersionRecord[]): string | undefined {
  const newest = versions.findLast(({ state }) => state === 'published' || state === 'active');
  if (newest?.history[0]?.state !== 'published' || newest.backups.length > 0) return undefined;
  return `no backup holds root-key v${newest.n}, by which tenant keys are or will be wrapped: ${HOW}`;
}

function oldBackup(versions: readonly VersionRecord[], now: Date): readonly Finding[] {
  const newest = versions
    .flatMap(({ backups }) => backups)
    .sort((a, b) => (a.at < b.at ? -1 : 1))
    .at(-1);
  if (newest === undefined) return [];
  const days = Math.floor((now.getTime() - Date.parse(newest.at)) / 86_400_000);
  if (days <= OLD_AFTER_DAYS) return [];
  const message = `the newest backup (${newest.file}) is ${days} days old`;
  const remedy = 'see whether it opens (palette-keys restore FILE --verify), or make a new one';
  return [finding('BACKUP_OLD', ROOT_KEY, message, remedy)];
}
