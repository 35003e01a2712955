import { usageError } from '../errors.ts';
import { isKindId, type KindId } from '../ledger/entry.ts';
import type { Gate } from './gate.ts';
import { clusterCa, internalCa, messageBusSigningKey } from './gates/certificate-authority.ts';
import { hashSalt } from './gates/hash-salt.ts';
import { jwtSigningKey } from './gates/jwt-signing-key.ts';
import { messageBusOperator } from './gates/message-bus-operator.ts';
import { mongodbAuth } from './gates/mongodb-auth.ts';
import { rootKey } from './gates/root-key.ts';
import { POLICIES, type RotationPolicy } from './policy.ts';

export type { KindId };

/** How a kind rotates. */
export type Rotation =
  /** Through states, each behind a gate. */
  | { readonly type: 'versions'; readonly gate: Gate; readonly policy: RotationPolicy }
  /** Certificates that are issued anew, from the same CA. */
  | { readonly type: 'leaves' }
  /** Versions come in by `import-cert`; here one can but go back. */
  | { readonly type: 'imported' }
  | { readonly type: 'none'; readonly reason: string; readonly remedy: string };

const behind = (gate: Gate, kind: KindId): Rotation => ({ type: 'versions', gate, policy: POLICIES[kind] });

/** In the order in which `rotate --due` takes them. */
export const ROTATIONS: Readonly<Record<KindId, Rotation>> = {
  'root-key': behind(rootKey, 'root-key'),
  'jwt-signing-key': behind(jwtSigningKey, 'jwt-signing-key'),
  'hash-salt': behind(hashSalt, 'hash-salt'),
  'internal-ca': behind(internalCa, 'internal-ca'),
  'service-certificates': { type: 'leaves' },
  'mongodb-tls': { type: 'leaves' },
  'grpc-tls': { type: 'leaves' },
  'message-bus-tls': { type: 'leaves' },
  'cluster-ca': behind(clusterCa, 'cluster-ca'),
  'message-bus-signing-key': behind(messageBusSigningKey, 'message-bus-signing-key'),
  'message-bus-operator': behind(messageBusOperator, 'message-bus-operator'),
  'fqdn-certificate': { type: 'imported' },
  'mongodb-auth': behind(mongodbAuth, 'mongodb-auth'),
  'message-bus-system-account': {
    type: 'none',
    reason: 'the system account is never handed out, and its token is signed anew with the signing key',
    remedy: 'palette-keys rotate message-bus-signing-key',
  },
  'fqdn-key': {
    type: 'none',
    reason: 'the key of a certificate request is made by csr',
    remedy: 'palette-keys csr makes a new key and a request for it',
  },
};

export const ROTATED_KINDS = Object.keys(ROTATIONS).filter(isKindId);

/** The kind that the command line names. Throws USAGE. */
export function parseKind(name: string): KindId {
  if (isKindId(name)) return name;
  throw usageError(`there is no kind of key ${name}`, `there are ${ROTATED_KINDS.join(', ')}`);
}
