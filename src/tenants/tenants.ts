import { equalBytes } from '../crypto/digest.ts';
import { DamagedError, PaletteKeysError } from '../errors.ts';
import type { FoundTenant, TenantCopy, TenantDocument, TenantStore } from '../ports/tenant-store.ts';
import type { TextFiles } from '../ports/text-files.ts';
import { thenAudit } from '../reconcile/audit/then-audit.ts';
import type { ApplyPorts } from '../reconcile/ports.ts';
import { audit } from './audit.ts';
import { confirmActive, type TenantAccess } from './keyring.ts';
import { isWrappedAs, readTenant } from './plan/document.ts';
import type { Examined } from './plan/examine.ts';
import { showId, tenantIdFault } from './plan/tenant-id.ts';
import { unwrapTenantKey, wrapTenantKey } from './plan/wrap.ts';
import { scanTenants, type TenantScan, type Watch } from './scan.ts';

export interface TenantPorts extends ApplyPorts {
  readonly tenants: TenantStore;
}

const BATCH = 500;
/** What is done to tenants, as the audit log calls it and as people do. */
const DONE = { 'add-tenant': 'added', 'remove-tenant': 'removed' } as const;

/** Checks ids. Throws USAGE, naming every one that cannot be a tenant's. */
export function checkTenantIds(ids: readonly string[]): void {
  const faults = ids.flatMap((id) => {
    const fault = tenantIdFault(id);
    return fault === undefined ? [] : [{ message: `${JSON.stringify(showId(id))} ${fault}` }];
  });
  if (ids.length > 0 && faults.length === 0) return;
  throw new PaletteKeysError('USAGE', ids.length === 0 ? 'no tenant was named' : 'a tenant id cannot be used', {
    hint: 'an id is text of 1 to 255 bytes, without control characters and outer spaces',
    details: faults,
  });
}

export async function existingTenants(ids: readonly string[], tenants: TenantStore): Promise<readonly string[]> {
  const found: string[] = [];
  for (const part of parts(ids)) {
    for (const { _id } of await tenants.get(part)) if (typeof _id === 'string') found.push(_id);
  }
  return found;
}

/** Makes a new key for each tenant that has none, and returns their ids; what is there stays. Throws CONFLICT. */
export async function addTenants(
  ids: readonly string[],
  access: TenantAccess,
  ports: TenantPorts,
): Promise<readonly string[]> {
  const { tenants, signal, store } = ports;
  return audited('add-tenant', access, ports, async ({ sure, judge }) => {
    for (const part of parts([...new Set(ids)])) {
      signal.throwIfAborted();
      await confirmActive(access, store);
      const documents = part.map((id) => newTenant(id, access, ports));
      const isNew = (found: FoundTenant): boolean =>
        documents.some((document) => document._id === found['_id'] && isWrappedAs(found, document.wrapped));
      const there = await tenants.add(documents).catch(async (error: unknown) => {
        await judge(part, (found) => found.filter(isNew).map(({ _id }) => String(_id)));
        throw error;
      });
      const others = new Set(there);
      sure.push(...part.filter((id) => !others.has(id)));
    }
    await confirmActive(access, store);
  });
}

function newTenant(
  _id: string,
  { spec, keyring, activeKid }: TenantAccess,
  { random, clock }: TenantPorts,
): TenantDocument {
  const wrapKey = keyring.wrapKeys.get(activeKid);
  if (wrapKey === undefined) throw new Error('the keyring lacks the active root key');
  const { bits } = spec.tenantKeys;
  const key = random.bytes(bits / 8);
  const wrapped = wrapTenantKey({ _id, bits }, key, { kid: activeKid, wrapKey, iv: random.bytes(12) });
  const opened = unwrapTenantKey({ _id, bits }, wrapped, wrapKey);
  const same = equalBytes(opened, key);
  key.fill(0);
  opened.fill(0);
  if (!same) throw new Error('a new tenant key opens to another');
  return { _id, bits, wrapped, createdAt: clock.now(), rewrappedAt: null };
}

/** One line of the list: public facts alone. */
export interface ListedTenant {
  /** As it stands: `shownId` is for people. */
  readonly tenant: string;
  readonly bits: number;
  readonly kid: string;
  readonly createdAt: string;
  readonly rewrappedAt: string | null;
}

export function shownId({ tenant }: ListedTenant): string {
  return showId(tenant);
}

/** Opens every key, and gives those that open to `list` in the order of the ids, one by one: there may be millions. */
export function listTenants(
  access: TenantAccess,
  tenants: TenantStore,
  watch: Watch,
  list: (tenant: ListedTenant) => void,
): Promise<TenantScan> {
  const visit = (examined: Examined): void => {
    if (examined.failure !== undefined) return;
    const { _id, bits, wrapped, createdAt, rewrappedAt } = examined.document;
    list({
      tenant: _id,
      bits,
      kid: wrapped.kid,
      createdAt: createdAt.toISOString(),
      rewrappedAt: rewrappedAt?.toISOString() ?? null,
    });
  };
  return scanTenants(tenants, access.keyring, watch, visit, tenants.scanInOrder());
}

/** A tenant that may be removed, and what brings its whole document back, where that was asked for. */
export interface Removable extends Pick<TenantCopy, 'extendedJson'> {
  readonly document: TenantDocument;
}

/** With copies for a backup. Throws TENANT_KEYS_BROKEN: a backup could not bring a malformed document back. */
export async function removablesOf(
  ids: readonly string[],
  tenants: TenantStore,
  withCopies: boolean,
): Promise<readonly Removable[]> {
  const copies: TenantCopy[] = [];
  const alone = (found: FoundTenant): TenantCopy => ({ found, extendedJson: undefined });
  for (const part of parts([...new Set(ids)])) {
    copies.push(...(withCopies ? await tenants.copies(part) : (await tenants.get(part)).map(alone)));
  }
  return copies.map(({ found, extendedJson }) => {
    try {
      return { document: readTenant(found), extendedJson };
    } catch (error) {
      if (error instanceof DamagedError) throw malformed(found['_id'], error.message);
      throw error;
    }
  });
}

function backupOf(removables: readonly Removable[]): string {
  const lines = removables.map(({ document, extendedJson }) => {
    if (extendedJson === undefined) throw malformed(document._id, 'it holds what Extended JSON cannot write');
    return `${extendedJson}\n`;
  });
  return lines.join('');
}

function malformed(id: unknown, what: string): PaletteKeysError {
  return new PaletteKeysError('TENANT_KEYS_BROKEN', `the document of ${showId(id)} is malformed: ${what}`, {
    hint: 'look at it with mongosh, and repair or remove it there',
  });
}

/** Removes tenants whose documents were read before, first writing them to a new file. Throws USAGE where it is there, and CONFLICT. */
export async function removeTenants(
  removables: readonly Removable[],
  backup: string | undefined,
  access: TenantAccess,
  ports: TenantPorts & { readonly files: TextFiles },
): Promise<void> {
  const { tenants, files, signal } = ports;
  signal.throwIfAborted();
  if (backup !== undefined) await files.writeNew(backup, backupOf(removables));
  const documents = removables.map(({ document }) => document);
  let removed = 0;
  await audited('remove-tenant', access, ports, async ({ sure, judge }) => {
    for (const part of parts(documents)) {
      signal.throwIfAborted();
      const ids = part.map(({ _id }) => _id);
      const gone = (there: readonly FoundTenant[]): readonly string[] =>
        ids.filter((id) => there.every(({ _id }) => _id !== id));
      const count = await tenants.remove(part).catch(async (error: unknown) => {
        await judge(ids, gone);
        throw error;
      });
      if (count === part.length) sure.push(...ids);
      else await judge(ids, gone);
      removed += count;
    }
  });
  if (removed === documents.length) return;
  const left = `${documents.length - removed} of ${documents.length} tenants were changed or removed by others`;
  throw new PaletteKeysError('CONFLICT', `${left} meanwhile; what is there stays`, {
    hint: `run the command again${backup === undefined ? '' : ', with another name for the backup'}`,
  });
}

/** Where work on tenants says whose documents it has made or removed. */
interface Effect {
  readonly sure: string[];
  /** After a write that failed or did less than all: `effective` tells by what is there now for which ids it took effect. */
  judge(ids: readonly string[], effective: (there: readonly FoundTenant[]) => readonly string[]): Promise<void>;
}

/** Does work on tenants, and tells the audit log what it did, also where it failed or was interrupted. Returns the ids. */
async function audited(
  action: keyof typeof DONE,
  access: TenantAccess,
  ports: TenantPorts,
  work: (effect: Effect) => Promise<void>,
): Promise<readonly string[]> {
  const sure: string[] = [];
  // Ids of which it could not be looked up whether the write took effect.
  const perhaps: string[] = [];
  const judge: Effect['judge'] = async (ids, effective) => {
    try {
      sure.push(...effective(await ports.tenants.get(ids)));
    } catch {
      perhaps.push(...ids);
    }
  };
  const more = (): string => (perhaps.length === 0 ? '' : `, perhaps ${perhaps.length} more`);
  const done = {
    words: () =>
      sure.length + perhaps.length === 0 ? undefined : `${sure.length} tenants were ${DONE[action]}${more()}`,
    tell: () => audit(action, sure, access, ports, perhaps),
  };
  await thenAudit(done, () => work({ sure, judge }));
  return sure;
}

function parts<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / BATCH) }, (_, index) =>
    items.slice(index * BATCH, (index + 1) * BATCH),
  );
}
