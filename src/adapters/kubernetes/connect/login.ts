import path from 'node:path';
import type { Cluster, User } from '@kubernetes/client-node';
import { PaletteKeysError } from '../../../errors.ts';
import { isObject, type JsonObject, listAt, objectAt, textAt, textsOf } from '../json.ts';
import { loginInvalid } from './errors.ts';
import { execSource, parsePlugin } from './exec-plugin.ts';
import { isToken, type LoginHost, type LoginSource } from './grant.ts';
import { folderOf } from './kubeconfig.ts';
import { oidcSource } from './oidc.ts';
import { tokenFileSource } from './token-file.ts';

export interface RawUser {
  readonly file: string;
  readonly entry: JsonObject;
}

/** The extension of a cluster that its login plugins get to see. */
const EXEC_EXTENSION = 'client.authentication.k8s.io/exec';

/** The changing part of a login, which client-node does not do well enough; of several the one kubectl would use. */
export function loginSource(
  user: User,
  raw: RawUser | undefined,
  cluster: Cluster,
  rawCluster: JsonObject | undefined,
  host: LoginHost,
): LoginSource | undefined {
  if (raw === undefined) return podSource(user);
  const { file, entry } = raw;
  const tokenFile = textAt(entry, 'tokenFile');
  if (tokenFile) return tokenFileSource(path.resolve(folderOf(file), tokenFile));
  if (user.token) {
    if (!isToken(user.token)) throw loginInvalid(user.name, file, 'its token holds characters that no token has');
    return undefined;
  }
  if (isObject(entry['exec'])) {
    const plugin = parsePlugin(entry['exec']);
    // A command without a slash is looked for in PATH, any other one is a path.
    const command = /[/\\]/.test(plugin.command) ? path.resolve(folderOf(file), plugin.command) : plugin.command;
    const extension = listAt(rawCluster, 'extensions').find((each) => textAt(each, 'name') === EXEC_EXTENSION);
    const config = isObject(extension) ? extension['extension'] : undefined;
    return execSource({ ...plugin, command }, cluster, config, host);
  }
  const provider = objectAt(entry, 'auth-provider');
  if (textAt(provider, 'name') === 'oidc') {
    const config = textsOf(provider['config']) ?? {};
    const ca = config['idp-certificate-authority'];
    const absolute = ca ? { 'idp-certificate-authority': path.resolve(folderOf(file), ca) } : {};
    return oidcSource({ ...config, ...absolute }, { file, user: user.name }, host);
  }
  if (Object.keys(provider).length > 0) {
    const name = textAt(provider, 'name') ?? '';
    throw loginInvalid(user.name, file, `it logs in by '${name}', which kubectl itself no longer knows (since 1.26)`);
  }
  return undefined;
}

/** client-node describes a service account so. */
function podSource({ authProvider }: User): LoginSource | undefined {
  const file = textAt(objectAt(authProvider, 'config'), 'tokenFile');
  return file === undefined ? undefined : tokenFileSource(file);
}

/** The headers that ask to be taken for somebody else, as kubectl sends them (`as`, `as-uid`, `as-groups`, `as-user-extra`). */
export function impersonationHeaders(
  user: string | undefined,
  groups: readonly string[],
  entry: JsonObject,
): Readonly<Record<string, string | readonly string[]>> | undefined {
  const uid = textAt(entry, 'as-uid');
  const extra = Object.keys(objectAt(entry, 'as-user-extra'));
  if (!user) return groups.length > 0 || uid !== undefined || extra.length > 0 ? undefined : {};
  const extras = extra.map((key) => [
    `Impersonate-Extra-${encodeKey(key)}`,
    listAt(objectAt(entry, 'as-user-extra'), key).map(String).map(asHeader),
  ]);
  return {
    'Impersonate-User': asHeader(user),
    ...(uid === undefined ? {} : { 'Impersonate-Uid': asHeader(uid) }),
    ...(groups.length === 0 ? {} : { 'Impersonate-Group': groups.map(asHeader) }),
    ...Object.fromEntries(extras),
  };
}

/** Node sends one byte for each character; API servers read UTF-8. */
function asHeader(value: string): string {
  if (/\p{Cc}/u.test(value)) {
    throw new PaletteKeysError('USAGE', 'a name to act as holds control characters', {
      hint: 'check --as and --as-group',
    });
  }
  return Buffer.from(value, 'utf8').toString('latin1');
}

/** Keys may be URLs; what cannot stand in the name of a header is percent-encoded (kubernetes#63682). */
function encodeKey(key: string): string {
  return encodeURIComponent(key.toLowerCase()).replace(/[()]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
}
