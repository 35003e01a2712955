/**
 * Rotations that are killed at one write, and given again. The same command has to end as one that nobody disturbed: as
 * many versions, every ledger entry in the record, the same exit code.
 */
import { PaletteKeysError } from '../../src/errors.ts';
import { INVENTORY } from '../../src/inventory/index.ts';
import { formatRef } from '../../src/ports/object-ref.ts';
import { ROTATIONS } from '../../src/rotation/kinds.ts';
import { DAY, ManualClock } from '../support/clock.ts';
import { FaultyStore, type Moment } from '../support/faulty-store.ts';
import { LEDGER, ledgerRef, recordIn, smallSpec, storeWith } from '../support/installations.ts';
import { MemoryCensus } from '../support/memory-census.ts';
import { MemoryDatabaseUsers, usersOf } from '../support/memory-database-users.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { once, pod, type RotateOptions, workloadsOf } from './bed.ts';

export const MODES = ['plain', 'compromised', 'again'] as const;
export type Mode = (typeof MODES)[number];
export const PLACES = ['folder', 'cluster'] as const;
export type Place = (typeof PLACES)[number];

/** Every kind that rotates here. */
export const KINDS = Object.entries(ROTATIONS).flatMap(([kind, { type }]) =>
  type === 'versions' || type === 'leaves' ? [kind] : [],
);

/** The installation that they begin with. */
export const killedSpec = () => smallSpec({ hashSalt: { census: { collection: 'users', kidField: 'kid' } } });

export interface Command {
  readonly kind: string;
  readonly mode: Mode;
  readonly place: Place;
}

/** One run of a command: what is there before it, and how it ends. */
export interface Stage {
  readonly command: Command;
  readonly start: Snapshot;
  readonly users: MemoryDatabaseUsers;
  readonly days: number;
  readonly writes: number;
  readonly end: End;
}

interface End {
  readonly exit: number;
  /** States of the kind's versions, and every ledger entry of it. */
  readonly versions: string;
  readonly entries: string;
  readonly unrecorded: string;
  readonly ready: boolean;
}

/** The runs of one command, two days apart, until it is done or writes nothing any more. */
export async function stagesOf(made: Snapshot, command: Command): Promise<readonly Stage[]> {
  const stages: Stage[] = [];
  let start = made;
  const users = usersOf(made);
  for (let days = 2; days <= 8; days += 2) {
    const memory = storeWith(start);
    const store = new FaultyStore(memory);
    const before = new MemoryDatabaseUsers(users.users);
    const end = await run(store, memory, command, { start, users, days, seconds: 0 });
    if (store.writes === 0) break;
    stages.push({ command, start, users: before, days, writes: store.writes, end });
    if (end.exit !== 6) break;
    start = memory.snapshot();
  }
  return stages;
}

/** What differs from the undisturbed run where write `n` kills it; nothing, one hopes. */
export async function killed(stage: Stage, n: number, moment: Moment): Promise<readonly string[]> {
  const { command, start, days, end } = stage;
  const { kind, mode, place } = command;
  // It has ended: to give it again asks for another rotation.
  if (mode === 'again' && end.exit === 0 && n === stage.writes && moment === 'after') return [];
  const memory = storeWith(start);
  const users = new MemoryDatabaseUsers(stage.users.users);
  const store = new FaultyStore(memory).killAt(n, moment);
  await run(store, memory, command, { start, users, days, seconds: 0 });
  const again = memory.afterCrash();
  const found = await run(again, again, command, { start, users, days, seconds: 60 });
  const write = store.log.find((each) => each.n === n);
  const where = `${kind} ${mode} in a ${place}, day ${days}, ${moment} write ${n} (${write?.operation} ${write?.object})`;
  const fields = ['exit', 'versions', 'entries', 'unrecorded', 'ready'] as const;
  return fields.flatMap((field) =>
    found[field] === end[field] ? [] : [`${where}: ${field} is ${found[field]}, not ${end[field]}`],
  );
}

async function run(
  store: FaultyStore | MemoryStore,
  memory: MemoryStore,
  { kind, mode, place }: Command,
  at: {
    readonly start: Snapshot;
    readonly users: MemoryDatabaseUsers;
    readonly days: number;
    readonly seconds: number;
  },
): Promise<End> {
  const clock = new ManualClock();
  clock.advance(at.days * DAY + at.seconds);
  const salt = recordIn(at.start).keys['hash-salt'].versions[0].kid;
  const options: RotateOptions = {
    ...{ clock, users: at.users, census: new MemoryCensus().put(3, salt), noTenantStore: true },
    // The word of the undisturbed run: given again, it is for the same generation.
    assumeConsumersCurrent: recordIn(at.start).generation,
    compromised: mode === 'compromised',
    again: mode === 'again',
    ...(place === 'folder' ? {} : { workloads: everybodyCurrent(clock) }),
  };
  const exit = await once(store, kind, options).then(
    ({ waitingFor }) => (waitingFor === undefined ? 0 : 6),
    (error: unknown) => (error instanceof PaletteKeysError ? error.exit : 70),
  );
  return { exit, ...endOf(memory.snapshot(), kind) };
}

/** A cluster on which one Pod runs that uses nothing: all consumers have loaded everything. */
function everybodyCurrent(clock: ManualClock) {
  return workloadsOf(
    () => [pod('auth-1', clock.now().toISOString(), { uses: [] })],
    () => new Date(0),
  );
}

function endOf(snapshot: Snapshot, kind: string): Omit<End, 'exit'> {
  const { keys, ready } = recordIn(snapshot);
  const names = new Set(snapshot.objects.map(({ ref }) => formatRef(ref)));
  const recorded = new Set(
    INVENTORY.flatMap(({ id }) =>
      (keys[id]?.versions ?? []).map(({ n }: { n: number }) => formatRef(ledgerRef(id, n))),
    ),
  );
  const entries = [...names].filter((name) => name.startsWith(`Secret/${LEDGER}/palette-key-`));
  const versions: readonly { n: number; state: string }[] = keys[kind]?.versions ?? [];
  return {
    versions: versions.map(({ n, state }) => `v${n} ${state}`).join(', '),
    entries: entries.sort().join(' '),
    unrecorded: entries.filter((name) => !recorded.has(name)).join(' '),
    ready,
  };
}
