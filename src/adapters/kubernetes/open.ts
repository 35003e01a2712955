import { isatty } from 'node:tty';
import { PaletteKeysError } from '../../errors.ts';
import type { KeyStore } from '../../ports/key-store.ts';
import { systemProcess } from '../directory/lock/process-identity.ts';
import { ApiClient } from './api/client.ts';
import { type Chosen, chooseCluster } from './connect/choose.ts';
import { kubeconfigInvalid } from './connect/errors.ts';
import { parsed, tlsOptions } from './connect/tls.ts';
import { Transport } from './connect/transport.ts';
import { KubernetesStore } from './kubernetes-store.ts';
import { DEFAULT_TIMEOUT_MS, type KubernetesOptions } from './options.ts';
import { systemTime } from './time.ts';

/** Finds out which cluster is meant and how to log in there. Nothing is asked of it yet. Throws NO_STORE. */
export async function openKubernetesStore(options: KubernetesOptions): Promise<KeyStore> {
  const { env, signal, requestTimeoutMs: timeoutMs = DEFAULT_TIMEOUT_MS, time = systemTime } = options;
  const warn = options.onWarning ?? (() => undefined);
  const host = { env, interactive: options.interactive ?? isatty(0), timeoutMs, warn, signal };
  const chosen = await chooseCluster({ ...options, host, podRoot: options.podRoot ?? '' });
  const { location, login, cluster } = chosen;
  if (cluster.skipTLSVerify) warn(`${location}: its certificate is not checked (insecure-skip-tls-verify)`);
  const transport = new Transport(chosen, await connection(chosen, signal), signal);
  const headers = { 'user-agent': `palette-keys/${options.version ?? '0'}` };
  const client = new ApiClient({ transport, headers, timeoutMs, signal, time });
  const self = systemProcess();
  return new KubernetesStore({
    client,
    circumstances: { where: location, login, timeoutMs },
    location,
    self: { ...self, origin: { ...self.origin, host: options.actor.host } },
    ledgerNamespace: options.ledgerNamespace,
    ledgerHints: options.ledgerHints ?? [],
    warn,
  });
}

/** What is wrong with a CA, a certificate or a key is said before anything is tried with it. */
async function connection({ cluster, user, location }: Chosen, signal: AbortSignal) {
  try {
    return parsed(await tlsOptions({ cluster, user, signal }));
  } catch (error) {
    if (error instanceof PaletteKeysError) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : 'unknown';
    throw kubeconfigInvalid(location, `the CA, the client certificate or its key cannot be used (${code})`);
  }
}
