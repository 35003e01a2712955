import { replacementsIn } from '../../ledger/replacement.ts';
import { isObject } from '../../ledger/text.ts';
import type { FoundTenant } from '../../ports/tenant-store.ts';
import { showId } from '../../tenants/plan/tenant-id.ts';
import { NAMED, reachTenants } from '../evidence/tenants.ts';
import { activeVersion } from '../gate.ts';
import type { Action } from '../next-action.ts';
import type { Performed, Performing } from './ports.ts';

/** Names the tenants whose keys whoever holds the old root key may hold: wrapping them anew does not change that. */
export async function nameExposed(
  { step }: Extract<Action, { type: 'nameExposed' }>,
  { context, ports, tell }: Performing,
): Promise<Performed> {
  tell({ type: 'exposed' });
  const { key } = context;
  const reached = await reachTenants(context, ports);
  if (reached === undefined) return 'same';
  const { n, since, kid } = activeVersion(key);
  // Before the compromised key is replaced everything is; after that, what was there before, and what was not wrapped by the
  // new one from the beginning: a Pod that has the keyring of before adds tenants under the old one still.
  const isReplaced = replacementsIn(key).has(n) && step?.type !== 'publish' && step?.type !== 'promote';
  const ids: string[] = [];
  let count = 0;
  for await (const batch of reached.tenants.scan()) {
    ports.signal.throwIfAborted();
    for (const found of batch) {
      if (isReplaced && isNewSince(found, since, kid)) continue;
      count += 1;
      if (ids.length < NAMED) ids.push(showId(found['_id']));
    }
  }
  const more = count > ids.length ? `, and ${count - ids.length} more: palette-keys tenant list names them` : '';
  const replace = `the platform has to replace the keys of ${count} tenants, and to encrypt their data anew`;
  const text = count === 0 ? 'no tenant key was wrapped by the old root key' : `${replace}: ${ids.join(', ')}${more}`;
  tell({ type: 'note', text });
  return 'same';
}

/** True where a tenant's key was made after that time, and no root key but `kid` has ever wrapped it. */
function isNewSince(found: FoundTenant, since: string, kid: string): boolean {
  const { createdAt, rewrappedAt, wrapped } = found;
  const isNew = createdAt instanceof Date && createdAt >= new Date(since) && rewrappedAt === null;
  return isNew && isObject(wrapped) && wrapped['kid'] === kid;
}
