import type { InstallationSpec } from '../../installation/spec.ts';

/** The connection string (`mongodb://user:password@hosts/database?options`) for the platform's services. */
export function mongodbUri(spec: InstallationSpec, username: string, password: string): string {
  const credentials = `${encodeURIComponent(username)}:${encodeURIComponent(password)}@`;
  const { uri, database, replicaSet } = spec.mongodb;
  if (uri !== null) return withTls(uri).replace(/^(mongodb(?:\+srv)?:\/\/)/, (scheme) => `${scheme}${credentials}`);
  const options = ['tls=true', 'authSource=admin', ...(replicaSet === null ? [] : [`replicaSet=${replicaSet}`])];
  return `mongodb://${credentials}${hosts(spec).join(',')}/${database}?${options.join('&')}`;
}

/** What is sent without TLS anybody on the way can read; `mongodb+srv` implies it. */
function withTls(uri: string): string {
  if (uri.startsWith('mongodb+srv:') || /[?&](?:tls|ssl)=/i.test(uri)) return uri;
  if (uri.includes('?')) return `${uri}${/[?&]$/.test(uri) ? '' : '&'}tls=true`;
  return `${uri}${/^mongodb:\/\/[^/]*$/.test(uri) ? '/' : ''}?tls=true`;
}

/** True where the one connection string is the other with TLS. */
export function addsTls(before: string, after: string): boolean {
  return before !== after && withTls(before) === after;
}

/** User and password of a connection string, or undefined where it has none. */
export function readCredentials(uri: string): { readonly username: string; readonly password: string } | undefined {
  const [, username, password] = /^mongodb(?:\+srv)?:\/\/([^:@/]+):([^:@/]+)@/.exec(uri) ?? [];
  try {
    if (username === undefined || password === undefined) return undefined;
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    return undefined;
  }
}

/** Every member of the StatefulSet by its stable name under the headless service. */
function hosts(spec: InstallationSpec): readonly string[] {
  const { service, members } = spec.mongodb;
  const domain = `${service}.${spec.namespace}.svc.${spec.clusterDomain}`;
  return Array.from({ length: members }, (_, i) => `${service}-${i}.${domain}:27017`);
}
