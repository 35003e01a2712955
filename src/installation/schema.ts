import * as z from 'zod/mini';

import * as s from './scalars.ts';

export const API_VERSION = 'palette-keys/v1';
export const KIND = 'Installation';

/** More services, or more consumers, belong into several installations. */
const MAX_SERVICES = 1000;

/** The remedy for what is too much for one. */
export const SPLIT = 'Split it into several installations, each with a namespace and a ledger of its own.';
const RENEW_AT_RULE = 'must be between 0.1 and 0.95';
const MEMBERS_RULE = 'must be a whole number from 1 to 50';
const KEY_SIZES = [2048, 3072, 4096] as const;

/** A list of at most `maximum`. One that is longer is one mistake, whatever is in it. */
function list<T extends z.core.$ZodType>(item: T, maximum: number, remedy: string) {
  const short = z.array(z.unknown()).check(
    z.refine((items) => items.length <= maximum, {
      error: (issue) => `has ${(issue.input as unknown[]).length} entries; at most ${maximum} are possible`,
      params: { remedy },
    }),
  );
  return z.pipe(short, z.array(item).check(z.maxLength(maximum)));
}

/** A mapping of which every key may be left out; `fill` puts in the default. Unknown keys are refused. */
function section<T extends z.core.$ZodLooseShape>(shape: T) {
  return z.optional(z.partial(z.strictObject(shape)));
}

const dnsNames = z.optional(list(s.dnsNameOrWildcard, 100, 'Use a wildcard, or several services.'));

const service = z.strictObject({
  name: s.label,
  namespace: z.optional(s.namespaceName),
  dnsNames,
  ipAddresses: z.optional(list(s.ipAddress, 100, 'Use several services.')),
  secretName: z.optional(s.objectName),
});

const consumer = z.strictObject({
  workload: s.workload,
  object: s.objectName,
  reads: z.optional(z.enum(['keyring', 'single'])),
  reload: z.optional(z.enum(['watch', 'restart'])),
});

const ca = { keySize: z.literal(KEY_SIZES), validity: s.duration };

/** `palette-keys.yaml` as people write it: all that has a default may be missing. What it yields is not complete. */
export const installationSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(KIND),
  namespace: z.optional(s.namespaceName),
  ledgerNamespace: z.optional(s.namespaceName),
  namePrefix: z.optional(s.namePrefix),
  clusterDomain: z.optional(s.dnsName),
  rootDomain: z.optional(z.nullable(s.dnsName)),
  jwt: section({
    algorithm: z.enum(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'HS256', 'HS512']),
    longestTokenLife: s.duration,
    jwksCache: s.duration,
    clockSkew: s.duration,
  }),
  tenantKeys: section({ bits: z.literal([64, 128, 192, 256]) }),
  hashSalt: section({
    census: z.nullable(z.strictObject({ collection: s.mongodbCollection, kidField: s.mongodbField })),
  }),
  internalCA: section(ca),
  serviceCertificates: section({
    keySize: z.literal(KEY_SIZES),
    validity: s.duration,
    renewAt: z.number().check(z.minimum(0.1, { error: RENEW_AT_RULE }), z.maximum(0.95, { error: RENEW_AT_RULE })),
    services: list(service, MAX_SERVICES, SPLIT),
  }),
  mongodb: section({
    // A member's name is the service's with up to three characters more, and a label too.
    service: s.label.check(z.maxLength(60, { error: 'must have at most 60 characters: members are numbered' })),
    members: z
      .int({ error: MEMBERS_RULE })
      .check(z.minimum(1, { error: MEMBERS_RULE }), z.maximum(50, { error: MEMBERS_RULE })),
    username: s.mongodbUsername,
    database: s.mongodbDatabase,
    collection: s.mongodbCollection,
    replicaSet: z.nullable(s.replicaSet),
    uri: z.nullable(s.mongodbUri),
  }),
  grpc: section({ service: s.label, dnsNames }),
  messageBus: z.optional(z.nullable(z.partial(z.strictObject({ service: s.label, dnsNames })))),
  clusterCA: section({ ...ca, trustDomain: s.dnsName }),
  ingress: section({ namespace: s.namespaceName, secretName: s.objectName }),
  consumers: z.optional(list(consumer, MAX_SERVICES, SPLIT)),
  rotation: section({ minInterval: s.duration, syncPeriod: s.duration, databaseBackupRetention: s.duration }),
});
