/** Options that say who logs in; where the server is stays. */
const LOGIN = ['authmechanism', 'authmechanismproperties'];

/** Options that make no sense for one member, and the one that is said anew. */
const OF_THE_SET = ['replicaset', 'directconnection', 'loadbalanced', 'srvservicename', 'srvmaxhosts', 'authsource'];

interface Parts {
  readonly scheme: string;
  /** `user:password@`, or empty. */
  readonly login: string;
  readonly hosts: string;
  /** `/database`, or empty. */
  readonly path: string;
  /** `name=value`, as they stand there. */
  readonly options: readonly string[];
}

/** The same server without a login. `authSource`: where others log in; undefined: as the driver finds it. */
export function withoutLogin(uri: string, authSource?: string): string {
  const parts = split(uri);
  // Where the string has a login, its authSource is that one's.
  const isLogins = authSource !== undefined || parts.login !== '';
  const options = parts.options.filter(
    (option) =>
      !LOGIN.includes(nameOf(option)) &&
      !(nameOf(option) === 'authsource' && (isLogins || /=(%24|\$)external$/i.test(option))),
  );
  return join({ ...parts, login: '', options: [...options, ...optionOf(authSource)] });
}

/** One member of the replica set, with the same login on the same database, which a DNS record may have named. */
export function memberOf(uri: string, host: string, authSource: string): string {
  const parts = split(uri);
  const options = parts.options.filter((option) => !OF_THE_SET.includes(nameOf(option)));
  return join({
    ...parts,
    scheme: 'mongodb://',
    hosts: host,
    options: [...options, ...optionOf(authSource), 'directConnection=true'],
  });
}

function optionOf(authSource: string | undefined): readonly string[] {
  return authSource === undefined ? [] : [`authSource=${encodeURIComponent(authSource)}`];
}

function split(uri: string): Parts {
  const [, scheme = '', login = '', hosts = '', path = '', query = ''] =
    /^(mongodb(?:\+srv)?:\/\/)([^/?]*@)?([^/?]*)(\/[^?]*)?(?:\?(.*))?$/s.exec(uri) ?? [];
  return { scheme, login, hosts, path, options: query.split('&').filter((option) => option !== '') };
}

function join({ scheme, login, hosts, path, options }: Parts): string {
  return `${scheme}${login}${hosts}${path === '' ? '/' : path}${options.length === 0 ? '' : `?${options.join('&')}`}`;
}

function nameOf(option: string): string {
  return option.slice(0, Math.max(0, option.indexOf('='))).toLowerCase();
}
