import { getServers, promises } from 'node:dns';

/**
 * Asks the name servers, within a time in milliseconds, what the driver asks about a `mongodb+srv` connection string (SRV
 * and TXT, as its specification has it): the driver can neither be told how long to wait for them nor to stop. Asks nothing
 * about others. Throws as node:dns does; ECANCELLED where the time is over.
 */
export async function lookUpServers(uri: string, withinMs: number): Promise<void> {
  const [, host, service = 'mongodb'] =
    /^mongodb\+srv:\/\/(?:[^/?]*@)?([^/?@]+)(?:.*[?&]srvServiceName=([^&]*))?/is.exec(uri) ?? [];
  if (host === undefined) return;
  const resolver = new promises.Resolver();
  resolver.setServers(getServers());
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
