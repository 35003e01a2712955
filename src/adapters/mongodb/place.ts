/** Options that say who logs in; where the server is stays. */
const LOGIN = ['authmechanism', 'authmechanismproperties'];

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

/** The same server, without any login of the connection string's own. */
export function withoutLogin(uri: string): string {
  const parts = split(uri);
  const options = parts.options.filter(
    (option) => !LOGIN.includes(nameOf(option)) && !/^authsource=%24external/i.test(option),
  );
  return join({ ...parts, login: '', options });
}

/** One member of the replica set, with the same login. */
export function memberOf(uri: string, host: string): string {
  const parts = split(uri);
  const options = parts.options.filter(
    (option) => !['replicaset', 'directconnection', 'srvservicename'].includes(nameOf(option)),
  );
  return join({ ...parts, scheme: 'mongodb://', hosts: host, options: [...options, 'directConnection=true'] });
}

/** The database in which the users of the platform are. */
export function userDatabaseOf(uri: string): string {
  const source = split(uri).options.find((option) => nameOf(option) === 'authsource');
  return source === undefined ? 'admin' : decodeURIComponent(source.slice(source.indexOf('=') + 1));
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
