/** A process that takes the lock and never gives it back: `node lease-holder.ts KUBECONFIG NAMESPACE`. */
import { HOLDER, open } from './bed.ts';

const [kubeconfig = '', namespace = ''] = process.argv.slice(2);
const store = await open({ kubeconfig, ledgerNamespace: () => namespace });
await store.lock(HOLDER);
process.stdout.write('locked\n');
