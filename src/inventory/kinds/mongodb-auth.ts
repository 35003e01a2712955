import { bytesToBase64url } from '../../crypto/base64url.ts';
import { credentialKid } from '../../crypto/kid.ts';
import { DamagedError } from '../../errors.ts';
import { platformSecret } from '../../installation/names.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import type { Facts, Material } from '../../ledger/entry.ts';
import { acceptedOf, activeOf, type Ring, ringOf } from '../../ledger/ring.ts';
import { entry, textEntry, utf8 } from '../../ledger/text.ts';
import type { Entries } from '../../ports/key-store.ts';
import type { HeldKey, VersionedKind } from '../kind.ts';
import { encodeKeyfile, keysIn, secondOf } from './mongodb-keyfile.ts';
import { addsTls, mongodbUri, readCredentials } from './mongodb-uri.ts';
import { freeUsername, isNameOf } from './mongodb-username.ts';

const ID = 'mongodb-auth';
/** Passwords are for no algorithm. */
const ALG = 'none';
const CREDENTIALS = ['username', 'password', 'keyfile'];
const PASSWORD_BYTES = 32;
/** 756 bytes are 1,008 base64 characters; mongod takes 6 to 1,024. */
const KEYFILE_BYTES = 756;

/** The platform's database user, and the key with which the members of the replica set know each other. */
export const mongodbAuth: VersionedKind = {
  versioned: true,
  id: ID,
  title: 'MongoDB credentials',
  dependsOn: ['root-key'],
  forms: [CREDENTIALS],
  generate: async (spec, random) => {
    const entries = {
      password: utf8(bytesToBase64url(random.bytes(PASSWORD_BYTES))),
      keyfile: utf8(Buffer.from(random.bytes(KEYFILE_BYTES)).toString('base64')),
    };
    return {
      finish: ({ ring }) => {
        const taken = acceptedOf(ring).map(({ material }) => textEntry(material.entries, 'username'));
        return { alg: ALG, entries: { username: utf8(freeUsername(spec.mongodb.username, taken)), ...entries } };
      },
    };
  },
  inspect: inspectCredentials,
  drift: ({ material }, spec) =>
    isNameOf(spec.mongodb.username, textEntry(material.entries, 'username'))
      ? undefined
      : `the spec asks for the user ${spec.mongodb.username}`,
  projections: (spec) => [
    {
      source: 'computed',
      kind: ID,
      ref: platformSecret(spec, ID),
      type: 'Opaque',
      from: [ID],
      compute: async (rings) => compute(spec, ringOf(rings, ID)),
      inspect: inspectProjection,
      meaning: ({ uri: before }, { uri: after }) =>
        before !== undefined && after !== undefined && addsTls(String(Buffer.from(before)), String(Buffer.from(after)))
          ? 'services will connect with TLS'
          : undefined,
    },
  ],
  adoption: { from: (spec) => platformSecret(spec, ID), takeIn: credentialsIn },
  // Projections show one user; the others may be on the server, with a login that works.
  policy: { madeByInit: true, hidesAccepted: true, replaceable: false },
};

function inspectCredentials(material: Material): Facts {
  if (material.alg !== ALG) throw new DamagedError('its entry alg contradicts its kind');
  const parts = CREDENTIALS.map((name) => utf8(textEntry(material.entries, name)));
  if (!/^[A-Za-z0-9+/=\s]{6,1100}$/.test(textEntry(material.entries, 'keyfile'))) {
    throw new DamagedError('entry keyfile is not base64');
  }
  return { kid: credentialKid(ID, parts) };
}

/** Members accept the keys of both versions while there are two, and show the active one's. */
function compute(spec: InstallationSpec, ring: Ring): Entries {
  const active = activeOf(ring);
  const { entries } = active.material;
  const username = textEntry(entries, 'username');
  const password = textEntry(entries, 'password');
  const second = secondOf(ring);
  const live = second === undefined ? [active] : [active, second];
  const keyfile = encodeKeyfile(live.map(({ material }) => textEntry(material.entries, 'keyfile')));
  return { ...entries, keyfile: utf8(keyfile), uri: utf8(mongodbUri(spec, username, password)) };
}

function inspectProjection(entries: Entries): readonly HeldKey[] {
  const held = credentialsIn(entries);
  const [first, second] = keysIn(textEntry(entries, 'keyfile'));
  const keyfile = utf8(first);
  const material = { ...held, entries: { ...held.entries, keyfile } };
  const { kid } = inspectCredentials(material);
  const inUri = readCredentials(textEntry(entries, 'uri'));
  if (inUri?.username !== textEntry(entries, 'username') || inUri.password !== textEntry(entries, 'password')) {
    throw new DamagedError('the credentials in uri contradict username and password');
  }
  const beside = second === undefined ? undefined : { entry: 'keyfile', bytes: utf8(second) };
  return [{ kind: ID, kid, state: 'active', material, beside }];
}

function credentialsIn(entries: Entries): Material {
  return { alg: ALG, entries: Object.fromEntries(CREDENTIALS.map((name) => [name, entry(entries, name)])) };
}
