import { isatty } from 'node:tty';
import type { KeyStore } from '../../ports/key-store.ts';
import { systemProcess } from '../directory/process-identity.ts';
import { ApiClient } from './api/client.ts';
import { chooseCluster } from './connect/choose.ts';
import { Transport } from './connect/transport.ts';
import { KubernetesStore } from './kubernetes-store.ts';
import { DEFAULT_TIMEOUT_MS, type KubernetesOptions } from './options.ts';
import { systemTime } from './time.ts';

/** Finds out which cluster is meant and how to log in there. Nothing is asked of it yet. Throws NO_STORE. */
export async function openKubernetesStore(options: KubernetesOptions): Promise<KeyStore> {
  const { signal, requestTimeoutMs: timeoutMs = DEFAULT_TIMEOUT_MS, time = systemTime } = options;
  const warn = options.onWarning ?? (() => undefined);
  const interactive = options.interactive ?? isatty(0);
  const choose = () => chooseCluster({ ...options, interactive, podRoot: options.podRoot ?? '' });
  const { location, login, cluster } = choose();
  if (cluster.skipTLSVerify) warn(`${location}: its certificate is not checked (insecure-skip-tls-verify)`);
  const headers = { 'user-agent': `palette-keys/${options.version ?? '0'}` };
  const client = new ApiClient({ transport: new Transport(choose), headers, timeoutMs, signal, time });
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
