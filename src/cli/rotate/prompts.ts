import { select } from '@inquirer/prompts';
import type { KindId } from '../../rotation/kinds.ts';
import type { StatusReport } from '../../status/plan/status.ts';
import type { CliPorts } from '../ports.ts';
import { asking, promptContext } from '../prompts/ask.ts';

/** Shows every kind with its states and when it is due, and lets one be chosen. */
export function chooseKind({ keys }: StatusReport, kinds: readonly KindId[], ports: CliPorts): Promise<KindId> {
  const now = ports.clock.now();
  const choices = kinds.flatMap((kind) => {
    const key = keys.find((candidate) => candidate.key === kind);
    if (key === undefined || key.kept === true) return [];
    const states = (key.versions ?? [])
      .filter(({ state }) => state !== 'retired' && state !== 'destroyed')
      .map(({ n, state }) => `v${n} ${state}`)
      .join(', ');
    const due = key.rotateAfter === undefined ? '' : dueText(new Date(key.rotateAfter), now);
    const facts = [states, due].filter((fact) => fact !== '').join('; ');
    return [{ value: kind, name: facts === '' ? kind : `${kind} (${facts})` }];
  });
  return asking(() => select({ message: 'Rotate which key?', choices }, promptContext(ports)));
}

function dueText(rotateAfter: Date, now: Date): string {
  return rotateAfter <= now ? 'due now' : `due on ${rotateAfter.toISOString().slice(0, 10)}`;
}
