import type { InstallationSpec } from './spec.ts';

/** Every field of `T`, as `jwt.algorithm` and `serviceCertificates.services[].name`. */
type FieldOf<T, Prefix extends string = ''> = {
  [K in keyof T & string]: `${Prefix}${K}` | Inside<NonNullable<T[K]>, `${Prefix}${K}`>;
}[keyof T & string];

type Inside<T, Path extends string> = T extends readonly (infer E)[]
  ? E extends object
    ? FieldOf<E, `${Path}[].`>
    : never
  : T extends object
    ? FieldOf<T, `${Path}.`>
    : never;

export type Field = FieldOf<InstallationSpec>;

/** What each field is for: the comments of the template and the descriptions of the JSON Schema. None can be left out. */
export const DESCRIPTIONS: Readonly<Record<Field, string>> = {
  apiVersion: 'The version of this format.',
  kind: 'What the file is: an installation of Palette.',
  namespace:
    "The namespace of the platform's own Secrets. It can never be changed later, nor can ledgerNamespace and namePrefix.",
  ledgerNamespace:
    "The namespace of every key ever made, the CAs' private keys and the audit log. No workload mounts from it.",
  namePrefix: 'What the names of all Secrets and ConfigMaps begin with.',
  clusterDomain: "The cluster's DNS domain.",
  rootDomain: "The platform's FQDN, as users type it; null while there is none. IDN as A-labels (xn--…).",
  jwt: 'The key that signs tokens.',
  'jwt.algorithm':
    'RS256, PS256, ES256, ES384 or EdDSA, whose public keys verifiers read as JWKS; or HS256, HS512: one shared secret.',
  'jwt.longestTokenLife': 'The longest that a token is valid. An old key is trusted at least that long.',
  'jwt.jwksCache': 'The longest that a verifier keeps a JWKS. A new key signs only after that.',
  'jwt.clockSkew': 'How far clocks may be apart.',
  tenantKeys: "The tenants' keys, which the root key wraps.",
  'tenantKeys.bits':
    'The length of new ones. 64 is what the platform documents; 128, 192 and 256 are the better choices.',
  hashSalt: 'The salt of hashed e-mail addresses.',
  'hashSalt.census':
    'How to count the records that still use an old salt; null, and the salt cannot be rotated. For example:\n' +
    '{ collection: users, kidField: saltKid }',
  'hashSalt.census.collection': 'The collection whose records are counted.',
  'hashSalt.census.kidField': "The field that holds the salt's kid; dots lead into nested documents.",
  internalCA: 'The CA that issues the certificates of all services.',
  'internalCA.keySize': 'RSA: 2048, 3072 or 4096 bits.',
  'internalCA.validity': 'From issue to expiry.',
  serviceCertificates: "The services' TLS certificates; those of MongoDB, gRPC and the message bus are issued alike.",
  'serviceCertificates.keySize': 'RSA: 2048, 3072 or 4096 bits.',
  'serviceCertificates.validity': 'From issue to expiry; shorter than that of internalCA.',
  'serviceCertificates.renewAt': 'After which part of that time they are renewed, from 0.1 to 0.95.',
  'serviceCertificates.services':
    "One certificate each, at most 1000; the default are the platform's documented services. Every entry has a name, and " +
    'may have a namespace (else that above), dnsNames and ' +
    "ipAddresses besides the names in the cluster, and a secretName (else the prefix, the service's name and -tls).",
  'serviceCertificates.services[].name': 'The name of the Kubernetes Service.',
  'serviceCertificates.services[].namespace': "Where service and Secret are; without it, the platform's namespace.",
  'serviceCertificates.services[].dnsNames':
    'Further names in the certificate; the first label may be *. IDN as A-labels (xn--…).',
  'serviceCertificates.services[].ipAddresses': 'IPv4 and IPv6 addresses in the certificate.',
  'serviceCertificates.services[].secretName':
    "What the Secret is called; without it, namePrefix, the service's name and -tls.",
  mongodb: 'The database.',
  'mongodb.service': 'The headless Service, and the StatefulSet of the same name.',
  'mongodb.members': 'How many Pods the StatefulSet has, from 1 to 50: each is named in the certificate.',
  'mongodb.username': 'The user that the platform logs in as. The password is generated.',
  'mongodb.database': "The platform's database.",
  'mongodb.collection': "The collection that holds the tenants' wrapped keys.",
  'mongodb.replicaSet': "The replica set's name for the connection string, or null.",
  'mongodb.uri':
    'A connection string for a database elsewhere, mongodb:// or mongodb+srv://, without credentials: they are put in. ' +
    'Services get it with tls=true. With null it is made from the fields above.',
  grpc: 'The gRPC endpoint that clusters connect to.',
  'grpc.service': 'The name of the Kubernetes Service.',
  'grpc.dnsNames': 'Further names in its certificate, as clusters reach it from outside.',
  messageBus:
    'The message bus (NATS) of a platform before 4.6.12; null for a platform without one. {} is one with the defaults, ' +
    'which are:\n' +
    '{ service: nats, dnsNames: [] }',
  'messageBus.service': 'The name of the Kubernetes Service.',
  'messageBus.dnsNames': 'Further names in its certificate.',
  clusterCA: 'The CA that issues the certificates of enrolled clusters.',
  'clusterCA.keySize': 'RSA: 2048, 3072 or 4096 bits.',
  'clusterCA.validity': 'From issue to expiry.',
  'clusterCA.trustDomain': "The domain of the clusters' identities: a DNS name that need not resolve.",
  ingress: "Where the ingress controller finds the FQDN's certificate, which `palette-keys import-cert` puts there.",
  'ingress.namespace': "The namespace of the controller's Secret.",
  'ingress.secretName': 'The name of that Secret.',
  consumers:
    'What reads keys and how, as far as the Pods do not show it. Every entry has a workload and an object, and may have ' +
    'reads (keyring, or single: the active key alone, the default) and reload (watch, or restart, the default). ' +
    'For example:\n' +
    '- { workload: Deployment/hubble-system/auth, object: palette-root-key, reads: keyring, reload: watch }',
  'consumers[].workload': 'Deployment, StatefulSet, DaemonSet, CronJob or Job, then /<namespace>/<name>.',
  'consumers[].object': 'The name of the Secret or ConfigMap that it reads.',
  'consumers[].reads':
    'keyring: all versions, from keyring.json or jwks.json. single: the active one alone, which keeps some keys from rotating.',
  'consumers[].reload': 'watch: it notices a change by itself. restart: it needs a restart.',
  rotation: 'When keys are rotated.',
  'rotation.minInterval':
    "The least time between two rotations of one kind, so that a command's retry rotates nothing twice.",
  'rotation.syncPeriod': 'The longest that a changed Secret takes to reach a running Pod.',
  'rotation.databaseBackupRetention': 'How long backups of the database are kept: they need the old root key as long.',
};
