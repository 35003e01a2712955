import type { ApplyPorts } from '../apply/ports.ts';
import type { KeyStore } from '../ports/key-store.ts';
import type { CliPorts } from './ports.ts';

/** What applying a plan needs, for one command; it emits nothing until somebody watches. */
export function applyPorts(command: string, store: KeyStore, ports: CliPorts): ApplyPorts {
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
  };
}
