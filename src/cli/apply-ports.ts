import type { KeyStore } from '../ports/key-store.ts';
import type { ApplyPorts } from '../reconcile/ports.ts';
import { newLeafKey } from '../reconcile/write/key-pool.ts';
import type { CliPorts, GlobalOptions } from './ports.ts';

/** What applying a plan needs, for one command; it emits nothing until somebody watches. */
export function applyPorts(
  words: string,
  store: KeyStore,
  { acceptClock }: Pick<GlobalOptions, 'acceptClock'>,
  ports: CliPorts,
): ApplyPorts {
  // Lock and audit log name it with every line that the run writes by that clock.
  const command = acceptClock === undefined ? words : `${words} --accept-clock ${acceptClock}`;
  const { clock, random, actor, version, signal, processors } = ports;
  return {
    store,
    clock,
    random,
    actor: { ...actor, command },
    toolVersion: version,
    emit: () => undefined,
    signal,
    processors,
    newLeafKey,
  };
}
