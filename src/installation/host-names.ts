import type { InstallationSpec } from './spec.ts';

/** What a mongod is reached by from beside it; an IP address, thus apart from the names. */
export const MONGODB_IP_ADDRESSES: readonly string[] = ['127.0.0.1'];

/** By what a service is reached inside a cluster: `<svc>`, `<svc>.<ns>`, `<svc>.<ns>.svc`, `<svc>.<ns>.svc.<domain>`. */
export function serviceDnsNames(service: string, namespace: string, clusterDomain: string): readonly string[] {
  const inNamespace = `${service}.${namespace}`;
  return [service, inNamespace, `${inNamespace}.svc`, `${inNamespace}.svc.${clusterDomain}`];
}

/** The service's names, `localhost`, and `<svc>-<i>` of every member of its StatefulSet under the headless service. */
export function mongodbDnsNames(spec: InstallationSpec): readonly string[] {
  const { namespace, clusterDomain } = spec;
  const { service, members } = spec.mongodb;
  const names = serviceDnsNames(service, namespace, clusterDomain);
  const ofMembers = Array.from({ length: members }, (_, i) => names.map((name) => `${service}-${i}.${name}`));
  return [...names, 'localhost', ...ofMembers.flat()];
}
