/** In no order that means anything. Names of Secrets, labels and records hold these ids: an id never changes. */
export const KIND_IDS = [
  'root-key',
  'jwt-signing-key',
  'hash-salt',
  'internal-ca',
  'service-certificates',
  'mongodb-tls',
  'mongodb-auth',
  'cluster-ca',
  'grpc-tls',
  'message-bus-operator',
  'message-bus-signing-key',
  'message-bus-system-account',
  'message-bus-tls',
  'fqdn-key',
  'fqdn-certificate',
] as const;

export type KindId = (typeof KIND_IDS)[number];

/** The kind that is written before all others, decides whose installation it is, and wraps the tenant keys. */
export const ROOT_KEY = 'root-key' satisfies KindId;

/** False for the id of a kind that only a newer build knows, too: what is recorded of that is kept, and not used. */
export function isKindId(id: string): id is KindId {
  return (KIND_IDS as readonly string[]).includes(id);
}
