import type { ObjectRef } from '../ports/object-ref.ts';
import type { InstallationSpec, ServiceSpec } from './spec.ts';

/** ConfigMap in `ledgerNamespace`. The names of record, audit and lock never carry the prefix: they are found first. */
export const RECORD_NAME = 'palette-keys-installation';
/** ConfigMap in `ledgerNamespace`; once full it is copied to `palette-keys-audit-<n>` and begun anew. */
export const AUDIT_NAME = 'palette-keys-audit';
/** Kind, by its label, of such a copy: half a megabyte each, and more of them every year. */
export const AUDIT_ARCHIVE = 'audit-archive';
/** Lease in `ledgerNamespace`. */
export const LEASE_NAME = 'palette-keys';

/** What follows the prefix in the names of the platform's own Secrets. */
export const PLATFORM_SECRETS = [
  'root-key',
  'jwt-signing-key',
  'hash-salt',
  'mongodb-tls',
  'mongodb-auth',
  'grpc-tls',
  'message-bus-tls',
  'message-bus-auth',
] as const;

export type PlatformSecret = (typeof PLATFORM_SECRETS)[number];

const JWKS = 'jwks';
const CA_BUNDLE = 'internal-ca-bundle';

/** `palette-root-key`: the name of a Secret or a ConfigMap of which there is one. */
export function prefixed(spec: Pick<InstallationSpec, 'namePrefix'>, name: string): string {
  return `${spec.namePrefix}${name}`;
}

export function platformSecret(spec: InstallationSpec, name: PlatformSecret): ObjectRef {
  return { kind: 'Secret', namespace: spec.namespace, name: prefixed(spec, name) };
}

/** The ConfigMap with the public keys that verify tokens, in `namespace`; not for HS*. */
export function jwksConfigMap(spec: InstallationSpec): ObjectRef {
  return { kind: 'ConfigMap', namespace: spec.namespace, name: prefixed(spec, JWKS) };
}

/** The ConfigMap with every trusted internal CA, of which each of `serviceNamespaces` has one. */
export function caBundle(spec: InstallationSpec, namespace: string): ObjectRef {
  return { kind: 'ConfigMap', namespace, name: prefixed(spec, CA_BUNDLE) };
}

export function leafSecret(service: ServiceSpec): ObjectRef {
  return { kind: 'Secret', namespace: service.namespace, name: service.secretName };
}

export function ingressSecret(spec: InstallationSpec): ObjectRef {
  return { kind: 'Secret', namespace: spec.ingress.namespace, name: spec.ingress.secretName };
}

export function recordConfigMap(spec: InstallationSpec): ObjectRef {
  return { kind: 'ConfigMap', namespace: spec.ledgerNamespace, name: RECORD_NAME };
}

/** The audit log that is being written; with `n`, the n-th that is full. */
export function auditConfigMap(spec: InstallationSpec, n?: number): ObjectRef {
  const name = n === undefined ? AUDIT_NAME : `${AUDIT_NAME}-${n}`;
  return { kind: 'ConfigMap', namespace: spec.ledgerNamespace, name };
}

/** Every namespace that has a service, the platform's own among them; sorted, each once. */
export function serviceNamespaces(spec: InstallationSpec): readonly string[] {
  const { services } = spec.serviceCertificates;
  return sorted([spec.namespace, ...services.map((service) => service.namespace)]);
}

/** Every namespace that `init` writes to; sorted, each once. */
export function allNamespaces(spec: InstallationSpec): readonly string[] {
  return sorted([...serviceNamespaces(spec), spec.ledgerNamespace]);
}

/** By code unit, which for RFC 1123 labels is byte order. */
function sorted(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort();
}

/** What a consumer may name: every Secret and ConfigMap that workloads can mount, without its namespace. */
export function mountableNames(spec: Pick<InstallationSpec, 'namePrefix'>): readonly string[] {
  return [...PLATFORM_SECRETS, JWKS, CA_BUNDLE].map((name) => prefixed(spec, name));
}
