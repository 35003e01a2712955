import { publicJwk, readPublicJwk } from '../../crypto/jwk.ts';
import { publicKeyKid, symmetricKid } from '../../crypto/kid.ts';
import { decodePrivateKey, parsePrivateKey, spkiOf } from '../../crypto/private-key.ts';
import { DamagedError } from '../../errors.ts';
import { jwksConfigMap, platformSecret } from '../../installation/names.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import type { Facts, Material } from '../../ledger/entry.ts';
import { decodeKeyring, encodeKeyring } from '../../ledger/keyring.ts';
import { acceptedOf, activeOf, type Ring, type Rings, ringOf } from '../../ledger/ring.ts';
import { entry, isObject, jsonEntry, textEntry, utf8 } from '../../ledger/text.ts';
import type { Entries } from '../../ports/key-store.ts';
import type { ComputedProjection, HeldKey } from '../kind.ts';

const KIND = 'jwt-signing-key';

/** The Secret for signers, and for asymmetric algorithms the ConfigMap for those who only verify. */
export function jwtProjections(
  spec: InstallationSpec,
  rings: Rings,
  inspect: (material: Material) => Facts,
): ComputedProjection[] {
  const secret: ComputedProjection = {
    source: 'computed',
    kind: KIND,
    ref: platformSecret(spec, KIND),
    type: 'Opaque',
    from: [KIND],
    // With another algorithm other entries: what is retired must not stay.
    sometimes: ['signing-key.pem', 'key', 'keyring.json', 'jwks.json'],
    compute: async (rings) => signerEntries(ringOf(rings, KIND)),
    inspect: (entries) => inspectSigner(entries, inspect),
  };
  const jwks: ComputedProjection = {
    source: 'computed',
    kind: KIND,
    ref: jwksConfigMap(spec),
    type: undefined,
    from: [KIND],
    compute: async (rings) => ({ 'jwks.json': encodeJwks(ringOf(rings, KIND)) }),
    inspect: readJwks,
  };
  // Where any key ever was asymmetric there are verifiers that read the set, whatever the spec asks for by now; that it
  // is empty tells them that those keys are retired.
  const made = (rings.get(KIND) ?? []).map((version) => version.material.alg);
  const algorithms = made.length > 0 ? made : [spec.jwt.algorithm];
  return algorithms.every(isSymmetric) ? [secret] : [secret, jwks];
}

function isSymmetric(alg: string): boolean {
  return alg.startsWith('HS');
}

function signerEntries(ring: Ring): Entries {
  const { material, facts } = activeOf(ring);
  const signing = isSymmetric(material.alg)
    ? { key: entry(material.entries, 'key') }
    : { 'signing-key.pem': entry(material.entries, 'key.pem') };
  const secretRing = ring.filter((version) => isSymmetric(version.material.alg));
  return {
    ...signing,
    kid: utf8(facts.kid),
    alg: utf8(material.alg),
    ...(acceptedOf(secretRing).length > 0 ? { 'keyring.json': encodeKeyring(secretRing) } : {}),
    ...(acceptedOf(ring).length > acceptedOf(secretRing).length ? { 'jwks.json': encodeJwks(ring) } : {}),
  };
}

/** The JWK Set (RFC 7517, section 5) of all public keys that verifiers must accept. */
function encodeJwks(ring: Ring): Uint8Array {
  const keys = acceptedOf(ring)
    .filter((version) => !isSymmetric(version.material.alg))
    .map(({ material, facts }) =>
      publicJwk(decodePrivateKey(entry(material.entries, 'key.pem')), facts.kid, material.alg),
    );
  return utf8(`${JSON.stringify({ keys }, undefined, 2)}\n`);
}

function readJwks(entries: Entries): HeldKey[] {
  const set = jsonEntry(entries, 'jwks.json');
  if (!isObject(set) || !Array.isArray(set['keys'])) throw new DamagedError('jwks.json is not a JWK Set');
  return set['keys'].map((jwk: unknown) => {
    if (!isObject(jwk)) throw new DamagedError('a key of jwks.json is not an object');
    const kid = publicKeyKid(spkiOf(readPublicJwk(jwk)));
    if (kid !== jwk['kid']) throw new DamagedError('a key of jwks.json contradicts its kid');
    return { kind: KIND, kid, state: undefined, material: undefined };
  });
}

function inspectSigner(entries: Entries, inspect: (material: Material) => Facts): readonly HeldKey[] {
  const alg = textEntry(entries, 'alg');
  const active: Material = {
    alg,
    entries: isSymmetric(alg) ? { key: entry(entries, 'key') } : { 'key.pem': entry(entries, 'signing-key.pem') },
  };
  const { kid } = inspect(active);
  if (kid !== textEntry(entries, 'kid')) throw new DamagedError('the signing key contradicts its kid');
  const others = [...secretKeys(entries, alg), ...publicKeys(entries, alg), ...otherPrivateKey(entries, alg)].filter(
    (key) => key.kid !== kid,
  );
  return [{ kind: KIND, kid, state: 'active', material: active }, ...others];
}

/** The signing key of the other sort, from before the algorithm changed, or of somebody else. */
function otherPrivateKey(entries: Entries, activeAlg: string): readonly HeldKey[] {
  const name = isSymmetric(activeAlg) ? 'signing-key.pem' : 'key';
  if (!Object.hasOwn(entries, name)) return [];
  const bytes = entry(entries, name);
  const kid = name === 'key' ? symmetricKid(KIND, bytes) : publicKeyKid(spkiOf(parsePrivateKey(bytes)));
  return [{ kind: KIND, kid, state: undefined, material: undefined }];
}

function secretKeys(entries: Entries, activeAlg: string): readonly HeldKey[] {
  if (!isSymmetric(activeAlg) && !Object.hasOwn(entries, 'keyring.json')) return [];
  return decodeKeyring(entries, (key) => symmetricKid(KIND, key)).keys.map(({ kid, state, alg, key }) => ({
    kind: KIND,
    kid,
    state,
    material: { alg, entries: { key } },
  }));
}

function publicKeys(entries: Entries, activeAlg: string): readonly HeldKey[] {
  return isSymmetric(activeAlg) && !Object.hasOwn(entries, 'jwks.json') ? [] : readJwks(entries);
}
