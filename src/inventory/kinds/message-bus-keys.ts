import { fingerprint } from '../../crypto/digest.ts';
import { publicKeyKid } from '../../crypto/kid.ts';
import { decodePrivateKey, encodePrivateKey, generatePrivateKey, spkiOf } from '../../crypto/private-key.ts';
import { DamagedError } from '../../errors.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import type { Facts, KindId, Material } from '../../ledger/entry.ts';
import { entry } from '../../ledger/text.ts';
import type { Projection, VersionedKind } from '../kind.ts';
import { hasMessageBus, messageBusAuth } from './message-bus-auth.ts';

const ALG = 'EdDSA';

function messageBusKey(definition: {
  readonly id: KindId;
  readonly title: string;
  readonly projections: (spec: InstallationSpec) => readonly Projection[];
}): VersionedKind {
  return {
    versioned: true,
    isWanted: hasMessageBus,
    ...definition,
    dependsOn: ['root-key'],
    forms: [['key.pem']],
    generate: async () => {
      const key = await generatePrivateKey({ type: 'ed25519' });
      return { finish: () => ({ alg: ALG, entries: { 'key.pem': encodePrivateKey(key) } }) };
    },
    inspect: inspectKey,
    drift: () => undefined,
    adoption: undefined,
    policy: { madeByInit: true, hidesAccepted: false, replaceable: true },
  };
}

function inspectKey(material: Material): Facts {
  if (material.alg !== ALG) throw new DamagedError('its entry alg contradicts its kind');
  const key = decodePrivateKey(entry(material.entries, 'key.pem'));
  if (key.asymmetricKeyType !== 'ed25519') throw new DamagedError('the private key is not Ed25519');
  const spki = spkiOf(key);
  return { kid: publicKeyKid(spki), fingerprint: fingerprint(spki) };
}

/** The identity that servers are configured with; it lists the signing keys, and signs nothing else. */
export const messageBusOperator = messageBusKey({
  id: 'message-bus-operator',
  title: 'Message bus operator',
  projections: (spec) => (hasMessageBus(spec) ? [messageBusAuth(spec)] : []),
});

/** Issues all accounts in the operator's name. */
export const messageBusSigningKey = messageBusKey({
  id: 'message-bus-signing-key',
  title: 'Message bus signing key',
  projections: () => [],
});

/** The account in which servers publish their own events. */
export const messageBusSystemAccount = messageBusKey({
  id: 'message-bus-system-account',
  title: 'Message bus system account',
  projections: () => [],
});
