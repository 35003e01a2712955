import type { KeyStore } from '../../ports/key-store.ts';
import { isArchive, lacksArchives, readAuditLog } from '../plan/audit-log.ts';
import type { Snapshot } from '../plan/snapshot.ts';

/** One that cannot be read is left out, so that the chain breaks where it was. They have half a megabyte each. */
export async function readArchives(namespace: string, store: Pick<KeyStore, 'list'>): Promise<readonly string[]> {
  const objects = await store.list(namespace);
  const archives = objects.flatMap((object) => {
    if (object.damage !== undefined || !isArchive(object)) return [];
    try {
      return [readAuditLog(object)];
    } catch {
      return [];
    }
  });
  for (const object of objects) {
    if (object.damage === undefined) for (const bytes of Object.values(object.data)) bytes.fill(0);
  }
  return archives;
}

export async function withArchives(snapshot: Snapshot, store: Pick<KeyStore, 'list'>): Promise<Snapshot> {
  if (!lacksArchives(snapshot)) return snapshot;
  return { ...snapshot, archives: await readArchives(snapshot.spec.ledgerNamespace, store) };
}
