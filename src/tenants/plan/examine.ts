import { unlessDamaged } from '../../errors.ts';
import type { FoundTenant, TenantDocument } from '../../ports/tenant-store.ts';
import { readTenant } from './document.ts';
import { showId } from './tenant-id.ts';
import { type TenantKeyring, unwrapTenantKey } from './wrap.ts';

export type TenantFault =
  | 'TENANT_MALFORMED'
  | 'TENANT_KID_UNKNOWN'
  | 'TENANT_KID_RETIRED'
  | 'TENANT_KID_DESTROYED'
  | 'TENANT_KEY_UNOPENABLE';

export interface TenantFailure {
  /** The id as it stands, where it is a string: whoever shows it to people has to make it presentable. */
  readonly tenant: string;
  readonly code: TenantFault;
  readonly message: string;
  /** The root key that wraps it, where that is known and no longer in use. */
  readonly kid?: string;
}

export type Examined =
  | { readonly document: TenantDocument; readonly key: Uint8Array; readonly failure?: undefined }
  | { readonly failure: TenantFailure };

/** Reads a document and opens its key. The caller wipes `key`. */
export function examineTenant(found: FoundTenant, { wrapKeys, retired, destroyed }: TenantKeyring): Examined {
  const { _id } = found;
  const tenant = typeof _id === 'string' ? _id : showId(_id);
  const failed = (code: TenantFault, message: string): Examined => ({ failure: { tenant, code, message } });
  const gone = (code: TenantFault, kid: string, state: string): Examined => ({
    failure: { tenant, code, message: `the root key ${kid}, which wraps it, is ${state}`, kid },
  });
  const document = unlessDamaged(() => readTenant(found), String);
  if (typeof document === 'string') return failed('TENANT_MALFORMED', document);
  const { kid } = document.wrapped;
  const wrapKey = wrapKeys.get(kid);
  if (retired.has(kid)) return gone('TENANT_KID_RETIRED', kid, 'retired');
  if (destroyed.has(kid)) return gone('TENANT_KID_DESTROYED', kid, 'destroyed');
  if (wrapKey === undefined) {
    return failed('TENANT_KID_UNKNOWN', `no root key has the kid ${showId(kid)} that it is wrapped by`);
  }
  const key = unlessDamaged(() => unwrapTenantKey(document, document.wrapped, wrapKey), String);
  if (typeof key === 'string') return failed('TENANT_KEY_UNOPENABLE', `the root key ${kid} does not open it: ${key}`);
  return { document, key };
}
