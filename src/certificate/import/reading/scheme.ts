import { createDecipheriv } from 'node:crypto';
import { DamagedError } from '../../../errors.ts';
import { readDerivation, unsupported } from './derive.ts';
import { type Digest, readPkcs12Derivation } from './derive-pkcs12.ts';
import type { Spelling } from './passphrase.ts';
import { childrenOf, type Element, octetsOf, oidOf, readElement, TAG } from './tlv.ts';

/** Undefined where the passphrase is wrong. Throws Fault where it has cost too much. Whoever asked wipes the result. */
export type Decrypt = (spelling: Spelling, data: Buffer) => Promise<Buffer | undefined>;

interface Cipher {
  /** OpenSSL's name. */
  readonly name: string;
  readonly keyLength: number;
  readonly ivLength: number;
}

/** RFC 8018, appendix B.2.2, and RFC 3565. */
const PBES2_CIPHERS: Readonly<Record<string, Cipher>> = {
  '2.16.840.1.101.3.4.1.2': { name: 'aes-128-cbc', keyLength: 16, ivLength: 16 },
  '2.16.840.1.101.3.4.1.22': { name: 'aes-192-cbc', keyLength: 24, ivLength: 16 },
  '2.16.840.1.101.3.4.1.42': { name: 'aes-256-cbc', keyLength: 32, ivLength: 16 },
  '1.2.840.113549.3.7': { name: 'des-ede3-cbc', keyLength: 24, ivLength: 8 },
};

/** RFC 7292, appendix C. */
const PKCS12_CIPHERS: Readonly<Record<string, Cipher>> = {
  '1.2.840.113549.1.12.1.3': { name: 'des-ede3-cbc', keyLength: 24, ivLength: 8 },
  '1.2.840.113549.1.12.1.5': { name: 'rc2', keyLength: 16, ivLength: 8 },
  '1.2.840.113549.1.12.1.6': { name: 'rc2', keyLength: 5, ivLength: 8 },
};
const PBES2 = '1.2.840.113549.1.5.13';
const SHA1: Digest = { name: 'sha1', length: 20, blockLength: 64 };

/** Password-based encryption by its AlgorithmIdentifier: PBES2 or one of PKCS#12. Throws Fault and DamagedError. */
export function readScheme(algorithm: Element | undefined): Decrypt {
  const [oid, parameters] = childrenOf(algorithm);
  const name = oidOf(oid);
  if (name === PBES2) return readPbes2(childrenOf(parameters));
  const cipher = PKCS12_CIPHERS[name];
  if (cipher === undefined) throw unsupported();
  const [salt, count] = childrenOf(parameters);
  const derive = readPkcs12Derivation(SHA1, salt, count);
  return async (spelling, data) => {
    const iv = derive(spelling, 'iv', cipher.ivLength);
    return await decrypt(cipher, derive(spelling, 'key', cipher.keyLength), iv, data);
  };
}

/** RFC 8018, section 6.2. */
function readPbes2([derivation, encryption]: readonly Element[]): Decrypt {
  const [oid, parameter] = childrenOf(encryption);
  const cipher = PBES2_CIPHERS[oidOf(oid)];
  if (cipher === undefined) throw unsupported();
  const iv = octetsOf(parameter);
  if (iv.length !== cipher.ivLength) throw new DamagedError('the encryption has an impossible start value');
  const { derive } = readDerivation(derivation);
  return async (spelling, data) => await decrypt(cipher, await derive(spelling, cipher.keyLength), iv, data);
}

async function decrypt(cipher: Cipher, key: Buffer, iv: Buffer, data: Buffer): Promise<Buffer | undefined> {
  try {
    // Few files need it, and none of the others should wait until it is loaded.
    if (cipher.name === 'rc2') return (await import('./rc2.ts')).decryptRc2(key, iv, data);
    return decryptByOpenssl(cipher.name, key, iv, data);
  } finally {
    key.fill(0);
  }
}

function decryptByOpenssl(name: string, key: Buffer, iv: Buffer, data: Buffer): Buffer | undefined {
  const decipher = createDecipheriv(name, key, iv);
  const first = decipher.update(data);
  try {
    return Buffer.concat([first, decipher.final()]);
  } catch {
    return undefined; // the padding is wrong
  } finally {
    first.fill(0);
  }
}

/** A wrong key can leave a padding that looks right, but hardly one SEQUENCE and nothing else. */
export function isWhole(bytes: Buffer): boolean {
  try {
    const { tag, raw } = readElement(bytes);
    return tag === TAG.sequence && raw.length === bytes.length;
  } catch {
    return false;
  }
}
