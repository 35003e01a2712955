import { fingerprint } from '../../crypto/digest.ts';
import { publicKeyKid, symmetricKid } from '../../crypto/kid.ts';
import {
  type AsymmetricKey,
  decodePrivateKey,
  encodePrivateKey,
  generatePrivateKey,
  type KeyPairAlgorithm,
  parsePrivateKey,
  spkiOf,
} from '../../crypto/private-key.ts';
import { DamagedError } from '../../errors.ts';
import { platformSecret } from '../../installation/names.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import type { Facts, Material } from '../../ledger/entry.ts';
import { entry } from '../../ledger/text.ts';
import type { Entries } from '../../ports/key-store.ts';
import type { Random } from '../../ports/random.ts';
import type { Draft, VersionedKind } from '../kind.ts';
import { jwtProjections } from './jwt-projections.ts';

type JwtAlgorithm = InstallationSpec['jwt']['algorithm'];

/** What each JWS algorithm (RFC 7518, section 3.1; RFC 8037, section 3.1) needs; HS keys are as long as their hash. */
const KEYS: Record<JwtAlgorithm, KeyPairAlgorithm | { readonly type: 'oct'; readonly bytes: number }> = {
  RS256: { type: 'rsa', bits: 3072 },
  PS256: { type: 'rsa', bits: 3072 },
  ES256: { type: 'ec', curve: 'P-256' },
  ES384: { type: 'ec', curve: 'P-384' },
  EdDSA: { type: 'ed25519' },
  HS256: { type: 'oct', bytes: 32 },
  HS512: { type: 'oct', bytes: 64 },
};

/** Signs the platform's session tokens. */
export const jwtSigningKey: VersionedKind = {
  versioned: true,
  id: 'jwt-signing-key',
  title: 'JWT signing key',
  dependsOn: ['root-key'],
  forms: [['key.pem'], ['key']],
  generate: (spec, random) => generate(spec.jwt.algorithm, random),
  inspect: inspectJwtKey,
  drift: (active, spec) =>
    active.material.alg === spec.jwt.algorithm
      ? undefined
      : `the spec asks for ${spec.jwt.algorithm}, the active version is ${active.material.alg}`,
  projections: (spec, rings) => jwtProjections(spec, rings, inspectJwtKey),
  adoption: { from: (spec) => platformSecret(spec, 'jwt-signing-key'), takeIn },
  policy: { madeByInit: true, hidesAccepted: false, replaceable: true },
};

async function generate(alg: JwtAlgorithm, random: Random): Promise<Draft> {
  const key = KEYS[alg];
  const entries =
    key.type === 'oct'
      ? { key: random.bytes(key.bytes) }
      : { 'key.pem': encodePrivateKey(await generatePrivateKey(key)) };
  return { finish: () => ({ alg, entries }) };
}

/** Kid and fingerprint of a JWT key; HS keys have no fingerprint. Throws DamagedError. */
function inspectJwtKey(material: Material): Facts {
  const expected = KEYS[material.alg as JwtAlgorithm];
  if (!Object.hasOwn(KEYS, material.alg)) throw new DamagedError('its entry alg is not a known JWS algorithm');
  if (expected.type === 'oct') {
    const key = entry(material.entries, 'key');
    if (key.length !== expected.bytes) throw new DamagedError(`the key is not ${expected.bytes} bytes long`);
    return { kid: symmetricKid('jwt-signing-key', key) };
  }
  const key = decodePrivateKey(entry(material.entries, 'key.pem'));
  if (!fits(key, expected)) throw new DamagedError(`the private key does not fit ${material.alg}`);
  const spki = spkiOf(key);
  return { kid: publicKeyKid(spki), fingerprint: fingerprint(spki) };
}

/** The algorithm is the first that the key fits, the spec's before all others. */
function takeIn(entries: Entries, spec: InstallationSpec): Material {
  if (Object.hasOwn(entries, 'signing-key.pem') && Object.hasOwn(entries, 'key')) {
    throw new DamagedError('it holds two keys, in signing-key.pem and in key: take out the one that is not meant');
  }
  const candidates = [spec.jwt.algorithm, ...(Object.keys(KEYS) as JwtAlgorithm[])];
  const taken: Entries = Object.hasOwn(entries, 'signing-key.pem')
    ? { 'key.pem': encodePrivateKey(parsePrivateKey(entry(entries, 'signing-key.pem'))) }
    : { key: entry(entries, 'key') };
  const alg = candidates.find((candidate) => isUsable({ alg: candidate, entries: taken }));
  if (alg === undefined) throw new DamagedError('the key fits no known JWS algorithm');
  return { alg, entries: taken };
}

function isUsable(material: Material): boolean {
  try {
    return inspectJwtKey(material).kid !== '';
  } catch (error) {
    if (error instanceof DamagedError) return false;
    throw error;
  }
}

function fits(key: AsymmetricKey, expected: KeyPairAlgorithm): boolean {
  if (key.asymmetricKeyType !== expected.type) return false;
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  if (expected.type === 'ec') return namedCurve === (expected.curve === 'P-256' ? 'prime256v1' : 'secp384r1');
  return expected.type !== 'rsa' || (modulusLength ?? 0) >= 2048;
}
