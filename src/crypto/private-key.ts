import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { DamagedError } from '../errors.ts';

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

/** Reads what `encodePrivateKey` wrote. Throws DamagedError, without quoting the input. */
export function decodePrivateKey(pem: Uint8Array): KeyObject {
  const text = Buffer.from(pem).toString('latin1');
  if (!/^-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END PRIVATE KEY-----\n$/.test(text)) {
    throw new DamagedError('the private key is not one PKCS#8 PEM block');
  }
  return parsePrivateKey(pem);
}

/** Reads an unencrypted private key in any PEM form (PKCS#8, PKCS#1, SEC1). Throws DamagedError. */
export function parsePrivateKey(pem: Uint8Array): KeyObject {
  try {
    return createPrivateKey(Buffer.from(pem));
  } catch {
    throw new DamagedError('the private key cannot be parsed');
  }
}

/** DER SubjectPublicKeyInfo of a private or public key. */
export function spkiOf(key: KeyObject): Uint8Array {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return publicKey.export({ type: 'spki', format: 'der' });
}
