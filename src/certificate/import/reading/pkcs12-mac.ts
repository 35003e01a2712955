import { createHmac } from 'node:crypto';
import { equalBytes } from '../../../crypto/digest.ts';
import { hmacDigest, readDerivation, unsupported } from './derive.ts';
import { type Digest, readPkcs12Derivation } from './derive-pkcs12.ts';
import { Fault } from './fault.ts';
import type { Spelling } from './passphrase.ts';
import { childrenOf, type Element, octetsOf, oidOf } from './tlv.ts';

const DIGESTS: Readonly<Record<string, Digest>> = {
  '1.2.840.113549.2.5': { name: 'md5', length: 16, blockLength: 64 },
  '1.3.14.3.2.26': { name: 'sha1', length: 20, blockLength: 64 },
  '2.16.840.1.101.3.4.2.4': { name: 'sha224', length: 28, blockLength: 64 },
  '2.16.840.1.101.3.4.2.1': { name: 'sha256', length: 32, blockLength: 64 },
  '2.16.840.1.101.3.4.2.2': { name: 'sha384', length: 48, blockLength: 128 },
  '2.16.840.1.101.3.4.2.3': { name: 'sha512', length: 64, blockLength: 128 },
};
const PBMAC1 = '1.2.840.113549.1.5.14';

export interface Mac {
  /** True where the MAC over the content is the one in the file. Throws Fault where the passphrase has cost too much. */
  fits(spelling: Spelling, content: Buffer): Promise<boolean>;
}

/** MacData (RFC 7292, section 4), or PBMAC1 in it (RFC 9579). Throws Fault and DamagedError. */
export function readMac(macData: Element): Mac {
  const [digestInfo, salt, count] = childrenOf(macData);
  const [algorithm, value] = childrenOf(digestInfo);
  const [oid, parameters] = childrenOf(algorithm);
  const expected = octetsOf(value);
  if (oidOf(oid) === PBMAC1) return readPbmac1(childrenOf(parameters), expected);
  const digest = DIGESTS[oidOf(oid)];
  if (digest === undefined) throw unsupported();
  const derive = readPkcs12Derivation(digest, salt, count);
  return {
    fits: async (spelling, content) => sameMac(digest.name, derive(spelling, 'mac', digest.length), content, expected),
  };
}

/** RFC 9579, section 5: salt and count beside it mean nothing, and the length of the key must be there. */
function readPbmac1([derivation, scheme]: readonly Element[], expected: Buffer): Mac {
  const { keyLength, derive } = readDerivation(derivation);
  if (keyLength === undefined) throw macInvalid();
  const digest = hmacDigest(scheme);
  return { fits: async (spelling, content) => sameMac(digest, await derive(spelling, keyLength), content, expected) };
}

function sameMac(digest: string, key: Buffer, content: Buffer, expected: Buffer): boolean {
  const mac = createHmac(digest, key).update(content).digest();
  key.fill(0);
  return equalBytes(mac, expected);
}

export function macInvalid(): Fault {
  return new Fault(
    'PFX_MAC_INVALID',
    'The integrity check (MAC) of the PKCS#12 file fails: it was altered, or the program that wrote it is faulty.',
    'Ask for the file anew, exported by another program, and compare its SHA-256 with the sender.',
  );
}
