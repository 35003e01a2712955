import { isMapping } from './defaults.ts';
import type { ConsumerSpec, InstallationSpec, ServiceSpec } from './spec.ts';

/** One difference between two specs; undefined is 'not there'. A spec holds no secrets: all of it may be shown. */
export interface SpecChange {
  /** `jwt.algorithm`, `services.auth.dnsNames`, `services.ui-system/ui`, `consumers.Deployment/a/b:palette-root-key`. */
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** Changing one of these would make a second root key. */
const FIXED = ['namespace', 'namePrefix', 'ledgerNamespace'] as const;

export type FixedField = (typeof FIXED)[number];

/** Services are the same if namespace and name are, consumers if workload and object are; lists have no order. */
export function diffSpecs(before: InstallationSpec, after: InstallationSpec): SpecChange[] {
  return diff('', toTree(before), toTree(after));
}

/** Those of the fields that never change which differ; not empty means: refuse. */
export function refusedChanges(before: InstallationSpec, after: InstallationSpec): FixedField[] {
  return FIXED.filter((field) => before[field] !== after[field]);
}

function toTree(spec: InstallationSpec): unknown {
  const { services, ...serviceCertificates } = spec.serviceCertificates;
  const { consumers, ...rest } = spec;
  return {
    ...rest,
    serviceCertificates,
    services: Object.fromEntries(services.map((service) => [serviceId(service, spec), service])),
    consumers: Object.fromEntries(consumers.map((consumer) => [consumerId(consumer), consumer])),
  };
}

function serviceId({ name, namespace }: ServiceSpec, spec: InstallationSpec): string {
  return namespace === spec.namespace ? name : `${namespace}/${name}`;
}

function consumerId({ workload, object }: ConsumerSpec): string {
  return `${workload}:${object}`;
}

function diff(path: string, before: unknown, after: unknown): SpecChange[] {
  if (isMapping(before) && isMapping(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => diff(path === '' ? key : `${path}.${key}`, own(before, key), own(after, key)));
  }
  return isSame(before, after) ? [] : [{ path, before, after }];
}

/** Scalars, and lists of texts. */
function isSame(a: unknown, b: unknown): boolean {
  if (!(Array.isArray(a) && Array.isArray(b))) return a === b;
  const others = new Set(b);
  return new Set(a).size === others.size && a.every((item) => others.has(item));
}

/** A service may be called `constructor`. */
function own(mapping: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(mapping, key) ? mapping[key] : undefined;
}
