/** What goes wrong with one write of a rotation, and the proof that the same command, given again, ends where an undisturbed one does. */
import type { RotateResult } from '../../src/rotation/rotate-request.ts';
import { faultsOf } from '../reconcile/checker.ts';
import { DAY, ManualClock } from '../support/clock.ts';
import { FaultyStore, type Moment } from '../support/faulty-store.ts';
import { recordIn, smallSpec, storeWith } from '../support/installations.ts';
import { usersOf } from '../support/memory-database-users.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { type RotateOptions, rotate, statesOf } from './bed.ts';

/** A road that one command goes to its end. */
export interface Road {
  readonly kind: string;
  readonly options: RotateOptions;
  /** The states in the end; undefined for certificates. */
  readonly states: string | undefined;
}

const assumed = { assumeConsumersCurrent: true, noTenantStore: true };
const RETIRED = 'v1 retired, v2 active';

export const ROADS: readonly Road[] = [
  { kind: 'jwt-signing-key', options: { compromised: true }, states: RETIRED },
  { kind: 'root-key', options: assumed, states: RETIRED },
  { kind: 'internal-ca', options: assumed, states: RETIRED },
  { kind: 'cluster-ca', options: assumed, states: RETIRED },
  { kind: 'message-bus-signing-key', options: assumed, states: RETIRED },
  { kind: 'message-bus-operator', options: { compromised: true }, states: RETIRED },
  { kind: 'mongodb-auth', options: { compromised: true, assumeConsumersCurrent: true }, states: RETIRED },
  { kind: 'service-certificates', options: {}, states: undefined },
  { kind: 'mongodb-tls', options: {}, states: undefined },
  { kind: 'grpc-tls', options: {}, states: undefined },
  { kind: 'message-bus-tls', options: {}, states: undefined },
];

export type Disturbance = 'fail' | 'kill';

/** How many writes the undisturbed road takes. */
export async function writesOf(start: Snapshot, { kind, options }: Road): Promise<number> {
  const store = new FaultyStore(storeWith(start));
  await rotate(store, kind, { clock: later(), users: usersOf(start), ...options });
  return store.writes;
}

/** What is wrong after write `n` went wrong and the command was given again; nothing, one hopes. */
export async function disturb(
  start: Snapshot,
  { kind, options, states }: Road,
  fault: { readonly n: number; readonly how: Disturbance; readonly moment: Moment },
): Promise<readonly string[]> {
  const memory = storeWith(start);
  const first = new FaultyStore(memory);
  if (fault.how === 'fail') first.failAt(fault.n, fault.moment);
  else first.killAt(fault.n, fault.moment);
  const clock = later();
  const users = usersOf(start);
  await rotate(first, kind, { clock, users, ...options }).catch(() => undefined);
  clock.advance(60);
  const again = await rotate(memory.afterCrash(), kind, { clock, users, ...options });
  const where = `${kind}, write ${fault.n} (${fault.how} ${fault.moment})`;
  return faultsIn(memory, again, { kind, options, states }).map((found) => `${where}: ${found}`);
}

function faultsIn(memory: MemoryStore, again: RotateResult, { kind, states }: Road): readonly string[] {
  const ended = states === undefined || statesOf(memory, kind) === states;
  const versions = states === undefined ? {} : { [kind]: recordIn(memory.snapshot()).keys[kind].versions.length };
  return [
    ...(again.done ? [] : [`it waits: ${again.waitingFor?.reason}`]),
    ...(ended ? [] : [statesOf(memory, kind)]),
    ...(recordIn(memory.snapshot()).ready ? [] : ['it is not ready']),
    ...faultsOf(memory.snapshot(), smallSpec(), versions),
  ];
}

function later(): ManualClock {
  const clock = new ManualClock();
  clock.advance(2 * DAY);
  return clock;
}
