import type { InstallationSpec } from '../installation/spec.ts';
import { isKindId, type KindId } from '../ledger/kind-id.ts';
import type { Rings } from '../ledger/ring.ts';
import type { Kind, Projection, VersionedKind } from './kind.ts';
import { clusterCa } from './kinds/cluster-ca.ts';
import { grpcTls, messageBusTls, mongodbTls } from './kinds/endpoint-certificates.ts';
import { fqdnCertificate } from './kinds/fqdn-certificate.ts';
import { fqdnKey } from './kinds/fqdn-key.ts';
import { hashSalt } from './kinds/hash-salt.ts';
import { internalCa } from './kinds/internal-ca.ts';
import { jwtSigningKey } from './kinds/jwt-signing-key.ts';
import { messageBusOperator, messageBusSigningKey, messageBusSystemAccount } from './kinds/message-bus-keys.ts';
import { mongodbAuth } from './kinds/mongodb-auth.ts';
import { rootKey } from './kinds/root-key.ts';
import { serviceCertificates } from './kinds/service-certificates.ts';

/** THE list: every kind of key and certificate of an installation, each after what it depends on. */
const KINDS: Readonly<Record<KindId, Kind>> = {
  'root-key': rootKey,
  'jwt-signing-key': jwtSigningKey,
  'hash-salt': hashSalt,
  'internal-ca': internalCa,
  'service-certificates': serviceCertificates,
  'mongodb-tls': mongodbTls,
  'mongodb-auth': mongodbAuth,
  'cluster-ca': clusterCa,
  'grpc-tls': grpcTls,
  'message-bus-operator': messageBusOperator,
  'message-bus-signing-key': messageBusSigningKey,
  'message-bus-system-account': messageBusSystemAccount,
  'message-bus-tls': messageBusTls,
  'fqdn-key': fqdnKey,
  'fqdn-certificate': fqdnCertificate,
};

export const INVENTORY: readonly Kind[] = Object.values(KINDS);

export const VERSIONED: readonly VersionedKind[] = INVENTORY.filter((kind) => kind.versioned);

/** Every object of an installation that workloads mount. */
export function projectionsOf(spec: InstallationSpec, rings: Rings): readonly Projection[] {
  return INVENTORY.flatMap((kind) => kind.projections(spec, rings));
}

/** False for a kind that the installation does without. */
export function isWanted(kind: Kind, spec: InstallationSpec): boolean {
  return kind.isWanted?.(spec) ?? true;
}

/** The kinds of which `init` makes the first version. */
export function madeByInit(spec: InstallationSpec): readonly VersionedKind[] {
  return VERSIONED.filter((kind) => kind.policy.madeByInit && isWanted(kind, spec));
}

export function kindOf(id: KindId): Kind {
  return KINDS[id];
}

/** The kind that a label or a name tells of; undefined where none of ours with versions has that id. */
export function versionedKind(id: string): VersionedKind | undefined {
  const kind = isKindId(id) ? KINDS[id] : undefined;
  return kind?.versioned === true ? kind : undefined;
}
