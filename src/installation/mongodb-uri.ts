const SCHEME = /^mongodb(\+srv)?:\/\//;
const HOST = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?::([0-9]{1,5}))?$/;

/** Whatever their value: who leaves them out is safe. */
const WEAK_OPTIONS = ['tlsinsecure', 'tlsallowinvalidcertificates', 'tlsallowinvalidhostnames', 'sslvalidate'];

/** Where users are who have no password in the database. */
const EXTERNAL = '$external';

/** Options of a connection string that hold a secret. */
const SECRET_OPTIONS = ['proxypassword', 'tlscertificatekeyfilepassword', 'sslclientcertificatekeypassword'];

/** Why a text is no MongoDB connection string without credentials. Never quotes it: it may hold a password. */
export function mongodbUriFault(uri: string): string | undefined {
  if (!SCHEME.test(uri)) return 'must begin with mongodb:// or mongodb+srv://';
  if (/[\s\p{Cc}]/u.test(uri)) return 'must not hold spaces or control characters';
  const [beforeQuery = '', query = ''] = split(uri.replace(SCHEME, ''), '?');
  const [authority = ''] = split(beforeQuery, '/');
  // A raw '/' or '?' in a password ends the authority early, so that an '@' anywhere counts.
  if (uri.includes('@') || /%40/i.test(authority)) return 'must not hold credentials: they are put in';
  return hostsFault(authority.split(','), uri.startsWith('mongodb+srv:')) ?? optionsFault(query);
}

/** `authSource`, else the database of the path, else `admin`; undefined where a DNS record may say it. */
export function authDatabaseOf(uri: string | null): string | undefined {
  if (uri === null) return 'admin';
  const [beforeQuery = '', query = ''] = split(uri, '?');
  const [source] = [...new URLSearchParams(query)].flatMap(([name, value]) =>
    name.toLowerCase() === 'authsource' && value !== EXTERNAL ? [value] : [],
  );
  if (source !== undefined || uri.startsWith('mongodb+srv:')) return source;
  const [, database = ''] = split(beforeQuery.replace(SCHEME, ''), '/');
  return database === '' ? 'admin' : decoded(database);
}

/** Options of a connection string that turn off what protects the connection, by name. */
export function weakOptionsOf(uri: string): readonly string[] {
  const [, query = ''] = split(uri, '?');
  return [...new URLSearchParams(query)].flatMap(([name, value]) => {
    const known = name.toLowerCase();
    const isOff = (known === 'tls' || known === 'ssl') && value.toLowerCase() === 'false';
    return isOff || WEAK_OPTIONS.includes(known) ? [known] : [];
  });
}

/** What a driver cannot decode it refuses, in words of its own. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function hostsFault(hosts: readonly string[], isSrv: boolean): string | undefined {
  if (isSrv && (hosts.length > 1 || hosts[0]?.includes(':')))
    return 'must have one host and no port: it is mongodb+srv';
  for (const host of hosts) {
    const match = HOST.exec(host);
    if (match === null) return 'must list hosts as name or name:port, separated by commas';
    const port = Number(match[1] ?? 27_017);
    if (port < 1 || port > 65_535) return 'must have ports between 1 and 65535';
  }
  return undefined;
}

function optionsFault(query: string): string | undefined {
  for (const option of query.split('&')) {
    const [name = '', value = ''] = split(option, '=');
    const isSecret = SECRET_OPTIONS.includes(name.toLowerCase()) || /AWS_SESSION_TOKEN/i.test(value);
    if (isSecret) return 'must not hold credentials: an option of it is a secret';
  }
  return undefined;
}

/** Before and after the first `separator`. */
function split(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}
