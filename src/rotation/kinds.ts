import type { KindId } from '../ledger/entry.ts';
import type { Gate } from './gate.ts';
import { clusterCa, internalCa, messageBusSigningKey } from './gates/certificate-authority.ts';
import { hashSalt } from './gates/hash-salt.ts';
import { jwtSigningKey } from './gates/jwt-signing-key.ts';
import { messageBusOperator } from './gates/message-bus-operator.ts';
import { mongodbAuth } from './gates/mongodb-auth.ts';
import { rootKey } from './gates/root-key.ts';

/** How a kind rotates. */
export type Rotation =
  /** Through states, each behind a gate. */
  | {
      readonly type: 'versions';
      readonly gate: Gate;
      /** True where nothing tells that a trusted version is no longer needed. */
      readonly keepsTrusted?: true;
      /** True where only a compromise is reason enough. */
      readonly onlyCompromised?: true;
      /** What breaks first if soak times are skipped. */
      readonly breaks: readonly string[];
    }
  /** Certificates that are issued anew, from the same CA. */
  | { readonly type: 'leaves'; readonly breaks: readonly string[] }
  /** Versions come in by `import-cert`; here one can but go back. */
  | { readonly type: 'imported' }
  | { readonly type: 'none'; readonly reason: string; readonly remedy: string };

const LEAVES: Rotation = {
  type: 'leaves',
  breaks: ['connections with the old certificates go on until their workloads are restarted: --restart'],
};

export const ROTATIONS: Readonly<Record<KindId, Rotation>> = {
  'root-key': {
    type: 'versions',
    gate: rootKey,
    breaks: [
      'nothing breaks at once, but wrapping anew does not undo the leak: whoever held the root key may hold tenant keys',
      'the platform has to replace the key of every tenant, and to encrypt its data anew',
    ],
  },
  'jwt-signing-key': {
    type: 'versions',
    gate: jwtSigningKey,
    breaks: [
      'every session ends: tokens of the old key are no longer accepted, and users have to log in again',
      'verifiers that cache the key set reject new tokens until they fetch it again',
    ],
  },
  'hash-salt': {
    type: 'versions',
    gate: hashSalt,
    keepsTrusted: true,
    breaks: [
      'nothing breaks at once; passwords of users who do not log in again have to be reset before the salt can go',
    ],
  },
  'internal-ca': {
    type: 'versions',
    gate: internalCa,
    breaks: ['services that are not restarted in between lose each other: --restart goes through them in order'],
  },
  'service-certificates': LEAVES,
  'mongodb-tls': LEAVES,
  'grpc-tls': LEAVES,
  'message-bus-tls': LEAVES,
  'cluster-ca': {
    type: 'versions',
    gate: clusterCa,
    breaks: ['clusters with certificates of the old CA are no longer admitted: every one has to be enrolled again'],
  },
  'message-bus-signing-key': {
    type: 'versions',
    gate: messageBusSigningKey,
    breaks: ['accounts that the old key signed are no longer believed: clusters need new credentials'],
  },
  'message-bus-operator': {
    type: 'versions',
    gate: messageBusOperator,
    onlyCompromised: true,
    breaks: [
      'the message bus stops until every server is restarted with the new operator',
      'every cluster has to be enrolled again',
    ],
  },
  'fqdn-certificate': { type: 'imported' },
  'mongodb-auth': {
    type: 'versions',
    gate: mongodbAuth,
    breaks: ['what still logs in as the old user loses the database when it is dropped, open sessions too'],
  },
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
