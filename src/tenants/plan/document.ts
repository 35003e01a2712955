import { equalBytes } from '../../crypto/digest.ts';
import { IV_BYTES, TAG_BYTES } from '../../crypto/wrap.ts';
import { DamagedError } from '../../errors.ts';
import { isObject } from '../../ledger/text.ts';
import {
  DAMAGE,
  type FoundTenant,
  OtherBinary,
  type TenantDocument,
  type WrappedKey,
} from '../../ports/tenant-store.ts';
import { unstorableId } from './tenant-id.ts';

const ALG = 'A256GCM';
const BITS: readonly unknown[] = [64, 128, 192, 256];

/** Checks every field of a document. Throws DamagedError, which names the field and never quotes it. */
export function readTenant(found: FoundTenant): TenantDocument {
  const { _id, bits, wrapped, createdAt, rewrappedAt, [DAMAGE]: damage } = found;
  if (damage !== undefined) throw new DamagedError(damage);
  const id = typeof _id === 'string' ? unstorableId(_id) : 'is not a string';
  check(id === undefined, `_id ${id}`);
  check(BITS.includes(bits), `bits is not one of ${BITS.join(', ')}`);
  check(isObject(wrapped), 'wrapped is not a document');
  check(isDate(createdAt), 'createdAt is not a date');
  check(rewrappedAt === null || isDate(rewrappedAt), 'rewrappedAt is neither a date nor null');
  const key = readWrapped(wrapped as Readonly<Record<string, unknown>>, bits as number);
  return { _id: _id as string, bits: bits as number, wrapped: key, createdAt, rewrappedAt } as TenantDocument;
}

/** True where a document, of whatever shape, holds that wrapped key: what compare-and-swap goes by. */
export function isWrappedAs({ wrapped }: FoundTenant, { kid, ciphertext }: WrappedKey): boolean {
  if (!isObject(wrapped) || wrapped['kid'] !== kid) return false;
  return wrapped['ciphertext'] instanceof Uint8Array && equalBytes(wrapped['ciphertext'], ciphertext);
}

/** BSON holds dates that JavaScript does not: these come as an invalid Date. */
function isDate(value: unknown): boolean {
  return value instanceof Date && !Number.isNaN(value.getTime());
}

function readWrapped({ kid, alg, iv, ciphertext, tag }: Readonly<Record<string, unknown>>, bits: number): WrappedKey {
  check(typeof kid === 'string' && kid !== '', 'wrapped.kid is not a string');
  check(alg === ALG, `wrapped.alg is not ${ALG}`);
  return {
    kid: kid as string,
    alg: ALG,
    iv: binary('wrapped.iv', iv, IV_BYTES),
    ciphertext: binary('wrapped.ciphertext', ciphertext, bits / 8),
    tag: binary('wrapped.tag', tag, TAG_BYTES),
  };
}

function binary(name: string, value: unknown, length: number): Uint8Array {
  if (value instanceof OtherBinary) throw new DamagedError(`${name} is binary of subtype ${value.subtype}, not 0`);
  check(value instanceof Uint8Array, `${name} is not binary data`);
  const bytes = value as Uint8Array;
  check(bytes.length === length, `${name} has ${bytes.length} bytes, not ${length}`);
  return bytes;
}

function check(holds: boolean, fault: string): void {
  if (!holds) throw new DamagedError(fault);
}
