import { API_VERSION, KIND } from './schema.ts';
import type { ConsumerSpec, Draft, InstallationSpec, ServiceSpec, SpecDraft } from './spec.ts';

/** The default of every field, as people would write it. */
export const DEFAULTS = {
  apiVersion: API_VERSION,
  kind: KIND,
  namespace: 'hubble-system',
  ledgerNamespace: 'palette-keys-system',
  namePrefix: 'palette-',
  clusterDomain: 'cluster.local',
  rootDomain: null,
  jwt: { algorithm: 'ES256', longestTokenLife: '24h', jwksCache: '10m', clockSkew: '5m' },
  tenantKeys: { bits: 64 },
  hashSalt: { census: null },
  internalCA: { keySize: 3072, validity: '3650d' },
  serviceCertificates: {
    keySize: 2048,
    validity: '365d',
    renewAt: 0.66,
    services: [
      { name: 'auth' },
      { name: 'user' },
      { name: 'system' },
      { name: 'configserver' },
      { name: 'mgmt' },
      { name: 'memstore' },
      { name: 'foreq' },
      { name: 'cloud' },
      { name: 'event' },
      { name: 'hashboard' },
      { name: 'hutil' },
      { name: 'oci-proxy' },
      { name: 'packsync' },
      { name: 'spectro-tunnel' },
      { name: 'spectrocluster' },
      { name: 'spectrocluster-jobs' },
      { name: 'spectrossh' },
      { name: 'timeseries' },
      { name: 'ui', namespace: 'ui-system' },
      { name: 'cp', namespace: 'cp-system' },
      { name: 'jet', namespace: 'jet-system' },
    ],
  },
  mongodb: {
    service: 'mongo',
    members: 3,
    username: 'hubble',
    database: 'hubbledb',
    collection: 'tenantKeys',
    replicaSet: null,
    uri: null,
  },
  grpc: { service: 'grpc', dnsNames: [] },
  messageBus: null,
  clusterCA: { keySize: 3072, validity: '3650d', trustDomain: 'palette' },
  ingress: { namespace: 'ingress-nginx', secretName: 'default-ssl-certificate' },
  consumers: [],
  rotation: { minInterval: '24h', syncPeriod: '5m', databaseBackupRetention: '30d' },
} as const;

/** Of an installation with a message bus. */
export const MESSAGE_BUS_DEFAULTS = { service: 'nats', dnsNames: [] } as const;

/** The careful answers: a consumer that says nothing reads one key and needs a restart. */
export const CONSUMER_DEFAULTS = { reads: 'single', reload: 'restart' } as const;

/** The built-in spec, complete; new at every call, down to its lists. */
export function defaultSpec(): InstallationSpec {
  return complete({}) as InstallationSpec;
}

/** What a service's Secret is called where the spec does not say. */
function defaultSecretName(namePrefix: string, service: string): string {
  return `${namePrefix}${service}-tls`;
}

/** What the fields that are left out are taken from. */
export type SpecBase = Readonly<Record<string, unknown>>;

/** Knows no value: what is completed with it has what was given alone, and rules find the mistakes in that. */
export const NO_BASE = blank({ ...DEFAULTS, messageBus: MESSAGE_BUS_DEFAULTS });

/**
 * Fills in what `given` leaves out, field by field; a list is one value. A field that is given but undefined was
 * invalid, and stays so, with what is derived from it. `base`: the recorded spec, or the defaults for a new
 * installation. What a recorded spec lacks gets the value that the lack meant when it was written: a later default must
 * not change it.
 */
export function complete(given: unknown, base: SpecBase = DEFAULTS): SpecDraft {
  const spec = fill(given, baseFor(given, base)) as SpecDraft;
  const { serviceCertificates, consumers } = spec;
  return {
    ...spec,
    serviceCertificates: serviceCertificates && {
      ...serviceCertificates,
      services: serviceCertificates.services?.map((service) => completeService(service ?? {}, spec)),
    },
    consumers: consumers?.map((consumer) => ({
      workload: consumer?.workload,
      object: consumer?.object,
      ...(fill(consumer ?? {}, CONSUMER_DEFAULTS) as Pick<ConsumerSpec, 'reads' | 'reload'>),
      // A recorded item may have fields of a newer build.
      ...consumer,
    })),
  };
}

/** What is given of the message bus turns it on; the rest of its fields are then the defaults. */
function baseFor(given: unknown, base: SpecBase): SpecBase {
  const isTurnedOn = base['messageBus'] === null && isMapping(given) && isMapping(given['messageBus']);
  return isTurnedOn ? { ...base, messageBus: MESSAGE_BUS_DEFAULTS } : base;
}

function completeService(given: object, spec: SpecDraft): Draft<ServiceSpec> {
  const { name } = given as Partial<ServiceSpec>;
  const { namespace, namePrefix } = spec;
  const isNamed = name !== undefined && namePrefix !== undefined;
  const secretName = isNamed ? defaultSecretName(namePrefix, name) : undefined;
  const filled = fill(given, { name, namespace, dnsNames: [], ipAddresses: [], secretName }) as Draft<ServiceSpec>;
  // A recorded item may have fields of a newer build.
  return { ...filled, ...given } as Draft<ServiceSpec>;
}

/** The same mappings, without a value in them. */
function blank(value: object): SpecBase {
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, isMapping(inner) ? blank(inner) : undefined]),
  );
}

/** Mappings are filled key by key; everything else is taken as it is given. */
function fill(given: unknown, fallback: unknown): unknown {
  if (!isMapping(given) || !isMapping(fallback)) return given;
  return Object.fromEntries(
    Object.entries(fallback).map(([key, value]) => [
      key,
      Object.hasOwn(given, key) ? fill(given[key], value) : structuredClone(value),
    ]),
  );
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
