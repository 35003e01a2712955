import dns from 'node:dns';

const PLACE = /^mongodb\+srv:\/\/(?:[^/?]*@)?([^/?@]+)(?:.*[?&]srvServiceName=([^&]*))?/is;
const ANSWER_MS = 15_000;

/** `authSource` of the TXT record of such a connection string; undefined where it names none. Throws as node:dns does. */
export async function authSourceOfRecord(uri: string): Promise<string | undefined> {
  const [, host] = PLACE.exec(uri) ?? [];
  if (host === undefined) return undefined;
  const resolver = new dns.promises.Resolver();
  resolver.setServers(dns.getServers());
  const timer = setTimeout(() => resolver.cancel(), ANSWER_MS);
  try {
    const [record = []] = (await resolver.resolveTxt(host).catch(unlessAnswered)) ?? [];
    return new URLSearchParams(record.join('')).get('authSource') ?? undefined;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Asks what the driver asks about a `mongodb+srv` string, within a time in milliseconds: the driver cannot be stopped.
 * Throws as node:dns does; ECANCELLED where the time is over.
 */
export async function lookUpServers(uri: string, withinMs = ANSWER_MS): Promise<void> {
  const [, host, service = 'mongodb'] = PLACE.exec(uri) ?? [];
  if (host === undefined) return;
  const resolver = new dns.promises.Resolver();
  resolver.setServers(dns.getServers());
  const timer = setTimeout(() => resolver.cancel(), withinMs);
  try {
    // A host without TXT records is fine: those are about options. The driver judges what it gets.
    await Promise.all([
      resolver.resolveSrv(`_${service}._tcp.${host}`),
      resolver.resolveTxt(host).catch(unlessAnswered),
    ]);
  } finally {
    clearTimeout(timer);
    resolver.cancel();
  }
}

function unlessAnswered(error: unknown): void {
  if (!['ENODATA', 'ENOTFOUND'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
}
