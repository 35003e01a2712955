import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, sign, verify } from 'node:crypto';
import { DamagedError } from '../errors.ts';
import { sha256Hex } from './digest.ts';

/** A private or public key; `node:crypto` is named in this layer alone. */
export type AsymmetricKey = KeyObject;

/** What kind of key pair is asked for; `bits` is the length of the RSA modulus. */
export type KeyPairAlgorithm =
  | { readonly type: 'rsa'; readonly bits: number }
  | { readonly type: 'ec'; readonly curve: 'P-256' | 'P-384' }
  | { readonly type: 'ed25519' };

/** A new private key, made on the thread pool by OpenSSL with its own generator. */
export function generatePrivateKey(algorithm: KeyPairAlgorithm): Promise<KeyObject> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, _publicKey: KeyObject, privateKey: KeyObject): void =>
      error ? reject(error) : resolve(privateKey);
    switch (algorithm.type) {
      case 'rsa':
        return generateKeyPair('rsa', { modulusLength: algorithm.bits, publicExponent: 0x10001 }, done);
      case 'ec':
        return generateKeyPair('ec', { namedCurve: algorithm.curve }, done);
      case 'ed25519':
        return generateKeyPair('ed25519', {}, done);
    }
  });
}

/** PKCS#8 PEM (RFC 7468, section 10), LF line ends. */
export function encodePrivateKey(key: KeyObject): Uint8Array {
  return Buffer.from(key.export({ type: 'pkcs8', format: 'pem' }) as string, 'latin1');
}

/** Keys that were tried out, by the digest of their PEM: a run reads each several times. */
const tried = new Set<string>();

/** Reads what `encodePrivateKey` wrote, and tries it out. Throws DamagedError, without quoting the input. */
export function decodePrivateKey(pem: Uint8Array): KeyObject {
  const text = Buffer.from(pem).toString('latin1');
  if (!/^-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END PRIVATE KEY-----\n$/.test(text)) {
    throw new DamagedError('the private key is not one PKCS#8 PEM block');
  }
  const key = parsePrivateKey(pem);
  const digest = sha256Hex(pem);
  if (!tried.has(digest)) tryOut(key);
  tried.add(digest);
  return key;
}

/** OpenSSL reads a key pair whose secret half does not belong to its public one; what it signs nobody can verify. */
function tryOut(key: KeyObject): void {
  if (key.asymmetricKeyType === 'rsa') checkRsa(key);
  else checkBySigning(key);
}

function checkBySigning(key: KeyObject): void {
  const probe = Buffer.from('palette-keys');
  const digest = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  try {
    if (verify(digest, probe, createPublicKey(key), sign(digest, probe, key))) return;
  } catch {
    // Said below.
  }
  throw new DamagedError('the private key does not belong to its public key');
}

/** An RSA key's numbers must fit each other (RFC 8017, section 3.2): OpenSSL signs with p and q, others with d. */
function checkRsa(key: KeyObject): void {
  const jwk = key.export({ format: 'jwk' });
  const number = (text: string | undefined): bigint =>
    BigInt(`0x${Buffer.from(text ?? '', 'base64url').toString('hex') || '0'}`);
  const [n, e, d] = [number(jwk.n), number(jwk.e), number(jwk.d)];
  const [p, q, dp, dq, qi] = [number(jwk.p), number(jwk.q), number(jwk.dp), number(jwk.dq), number(jwk.qi)];
  const fits =
    p > 1n &&
    q > 1n &&
    p * q === n &&
    (d * e) % (p - 1n) === 1n &&
    (d * e) % (q - 1n) === 1n &&
    d % (p - 1n) === dp &&
    d % (q - 1n) === dq &&
    (qi * q) % p === 1n;
  if (!fits) throw new DamagedError('the private key does not belong to its public key');
}

/** Reads an unencrypted private key in any PEM form (PKCS#8, PKCS#1, SEC1). Throws DamagedError. */
export function parsePrivateKey(pem: Uint8Array): KeyObject {
  try {
    return createPrivateKey(Buffer.from(pem));
  } catch {
    throw new DamagedError('the private key cannot be parsed');
  }
}

const EC_ALGORITHMS: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };

/** The JOSE name (RFC 7518, section 3.1) of what a key signs with. Throws DamagedError for a key of another type. */
export function joseAlgorithm(key: KeyObject): string {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const known: Readonly<Record<string, string | undefined>> = {
    rsa: 'RS256',
    ec: EC_ALGORITHMS[details?.namedCurve ?? ''],
    ed25519: 'EdDSA',
  };
  const found = known[type ?? ''];
  if (found === undefined) throw new DamagedError(`keys of type ${type} are not used here`);
  return found;
}

/** DER SubjectPublicKeyInfo of a private or public key. */
export function spkiOf(key: KeyObject): Uint8Array {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return publicKey.export({ type: 'spki', format: 'der' });
}
