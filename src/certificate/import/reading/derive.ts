import { pbkdf2 as pbkdf2WithCallback, scrypt as scryptWithCallback } from 'node:crypto';
import { promisify } from 'node:util';
import { DamagedError } from '../../../errors.ts';
import { Fault } from './fault.ts';
import { affordable, type Spelling, spend, tooExpensive } from './passphrase.ts';
import { childrenOf, type Element, numberOf, octetsOf, oidOf, TAG } from './tlv.ts';

const pbkdf2 = promisify(pbkdf2WithCallback);
const scrypt = promisify(
  scryptWithCallback as (
    password: Buffer,
    salt: Buffer,
    length: number,
    options: { N: number; r: number; p: number; maxmem: number },
    done: (error: Error | null, key: Buffer) => void,
  ) => void,
);

const PBKDF2 = '1.2.840.113549.1.5.12';
const SCRYPT = '1.3.6.1.4.1.11591.4.11';
const HMACS: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
  '1.2.840.113549.2.13': 'sha512-256',
};
const SCRYPT_MEMORY = 128 * 1024 * 1024;
const MAX_KEY_LENGTH = 1024;

/** The digest of an HMAC's AlgorithmIdentifier. Throws Fault. */
export function hmacDigest(algorithm: Element | undefined): string {
  const digest = HMACS[oidOf(childrenOf(algorithm)[0])];
  if (digest === undefined) throw unsupported();
  return digest;
}

export function unsupported(): Fault {
  return new Fault(
    'UNSUPPORTED_CIPHER',
    'It is encrypted in a way that is not supported, mostly for its age.',
    'Convert it. A key: `openssl pkey -provider default -provider legacy -in FILE -aes256 -out new.pem`; PKCS#12: `openssl pkcs12 -legacy -in FILE -out new.pem`.',
  );
}

export interface Derivation {
  readonly keyLength: number | undefined;
  /** Throws Fault where the passphrase has cost too much before. */
  readonly derive: (spelling: Spelling, length: number) => Promise<Buffer>;
}

/** PBKDF2 (RFC 8018, appendix A.2) or scrypt (RFC 7914, section 7). Throws Fault and DamagedError. */
export function readDerivation(algorithm: Element | undefined): Derivation {
  const [oid, parameters] = childrenOf(algorithm);
  switch (oidOf(oid)) {
    case PBKDF2:
      return readPbkdf2(childrenOf(parameters));
    case SCRYPT:
      return readScrypt(childrenOf(parameters));
    default:
      throw unsupported();
  }
}

function readPbkdf2([salt, count, ...options]: readonly Element[]): Derivation {
  const saltBytes = octetsOf(salt);
  const rounds = affordable(numberOf(count));
  const length = options.find(({ tag }) => tag === TAG.integer);
  const prf = options.find(({ tag }) => tag === TAG.sequence);
  const digest = prf === undefined ? 'sha1' : hmacDigest(prf);
  return {
    keyLength: readKeyLength(length),
    derive: (spelling, wanted) => {
      spend(spelling, rounds * Math.ceil(wanted / DIGEST_LENGTH));
      return pbkdf2(spelling.bytes, saltBytes, rounds, wanted, digest);
    },
  };
}

/** A key that is longer than the digest takes all rounds once more. */
const DIGEST_LENGTH = 32;

function readScrypt([salt, cost, blockSize, parallel, length]: readonly Element[]): Derivation {
  const saltBytes = octetsOf(salt);
  const [N, r, p] = [numberOf(cost), numberOf(blockSize), numberOf(parallel)];
  const rounds = affordable(N * r * p);
  // RFC 7914, section 2: a power of two below 2^(128 r / 8).
  if (N < 2 || (N & (N - 1)) !== 0 || N >= 2 ** (16 * r)) throw new DamagedError('scrypt has an impossible cost');
  if (128 * r * (N + p) > SCRYPT_MEMORY) throw tooExpensive();
  return {
    keyLength: readKeyLength(length),
    derive: (spelling, wanted) => {
      spend(spelling, rounds);
      return scrypt(spelling.bytes, saltBytes, wanted, { N, r, p, maxmem: 2 * SCRYPT_MEMORY });
    },
  };
}

function readKeyLength(element: Element | undefined): number | undefined {
  const length = element === undefined ? undefined : numberOf(element);
  if (length !== undefined && (length < 1 || length > MAX_KEY_LENGTH)) {
    throw new DamagedError('a key has an impossible length');
  }
  return length;
}
