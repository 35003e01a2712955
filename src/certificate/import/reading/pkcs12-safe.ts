import { DamagedError } from '../../../errors.ts';
import { unsupported } from './derive.ts';
import type { Spelling } from './passphrase.ts';
import { isWhole, readScheme } from './scheme.ts';
import { childrenOf, type Element, octetsOf, oidOf, readElement } from './tlv.ts';

/** What the AuthenticatedSafe of a PKCS#12 file holds (RFC 7292, section 4). */
export interface Safe {
  readonly certificates: Buffer[];
  /** PKCS#8. */
  readonly keys: Buffer[];
  /** Whether anything had to be decrypted. */
  encrypted: boolean;
  /** Everything that was decrypted, to be wiped. */
  readonly secrets: Buffer[];
}

const DATA = '1.2.840.113549.1.7.1';
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6';
const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1';
const BAG = '1.2.840.113549.1.12.10.1.';
const MAX_NESTING = 5;

/** Undefined where the passphrase is wrong. Throws Fault and DamagedError. */
export async function openSafes(content: Buffer, spelling: Spelling): Promise<Safe | undefined> {
  const safe: Safe = { certificates: [], keys: [], encrypted: false, secrets: [] };
  let opened = false;
  try {
    opened = await readContents(content, spelling, safe);
  } finally {
    if (!opened) wipeSafe(safe);
  }
  return opened ? safe : undefined;
}

export function wipeSafe({ secrets }: Safe): void {
  for (const secret of secrets) secret.fill(0);
}

async function readContents(content: Buffer, spelling: Spelling, safe: Safe): Promise<boolean> {
  for (const contentInfo of childrenOf(readElement(content))) {
    const plain = await openContent(contentInfo, spelling, safe);
    if (plain === undefined || !(await readBags(plain, spelling, safe, 0))) return false;
  }
  return true;
}

/** SafeContents as DER. */
async function openContent(contentInfo: Element, spelling: Spelling, safe: Safe): Promise<Buffer | undefined> {
  const [type, holder] = childrenOf(contentInfo);
  const [content] = childrenOf(holder);
  if (oidOf(type) === DATA) return octetsOf(content);
  // EnvelopedData is for whoever has another private key.
  if (oidOf(type) !== ENCRYPTED_DATA) throw unsupported();
  const [, algorithm, data] = childrenOf(childrenOf(content)[1]);
  return await decryptWhole(algorithm, octetsOf(data), spelling, safe);
}

/** One bag after the other; false where the passphrase does not open one of them. */
async function readBags(contents: Buffer, spelling: Spelling, safe: Safe, depth: number): Promise<boolean> {
  if (depth > MAX_NESTING) throw new DamagedError('PKCS#12 is nested too deeply');
  if (contents.length === 0) return true;
  for (const bag of childrenOf(readElement(contents))) {
    const [id, holder] = childrenOf(bag);
    const [value] = childrenOf(holder);
    if (value === undefined) throw new DamagedError('PKCS#12 has an empty bag');
    if (!(await readBag(oidOf(id), value, spelling, safe, depth))) return false;
  }
  return true;
}

async function readBag(id: string, value: Element, spelling: Spelling, safe: Safe, depth: number): Promise<boolean> {
  switch (id) {
    case `${BAG}1`:
      safe.keys.push(value.raw);
      return true;
    case `${BAG}2`: {
      const [algorithm, data] = childrenOf(value);
      const key = await decryptWhole(algorithm, octetsOf(data), spelling, safe);
      if (key !== undefined) safe.keys.push(key);
      return key !== undefined;
    }
    case `${BAG}3`: {
      const [type, holder] = childrenOf(value);
      if (oidOf(type) === X509_CERTIFICATE) safe.certificates.push(octetsOf(childrenOf(holder)[0]));
      return true;
    }
    case `${BAG}6`:
      return await readBags(value.raw, spelling, safe, depth + 1);
    default:
      return true; // revocation lists and secrets of other kinds
  }
}

async function decryptWhole(
  algorithm: Element | undefined,
  data: Buffer,
  spelling: Spelling,
  safe: Safe,
): Promise<Buffer | undefined> {
  const plain = await readScheme(algorithm)(spelling, data);
  if (plain === undefined) return undefined;
  safe.encrypted = true;
  safe.secrets.push(plain);
  return isWhole(plain) ? plain : undefined;
}
