/** Rotations on a memory store, with consumers that a test decides about. */

import type { VersionRecord } from '../../src/ledger/record.ts';
import type { State } from '../../src/ledger/ring.ts';
import type { DatabaseUsers } from '../../src/ports/database-users.ts';
import type { KeyStore } from '../../src/ports/key-store.ts';
import type { ObjectRef } from '../../src/ports/object-ref.ts';
import type { TenantStore } from '../../src/ports/tenant-store.ts';
import type { Probed } from '../../src/ports/tls-probe.ts';
import type { Pod, Workloads } from '../../src/ports/workloads.ts';
import { parseKind } from '../../src/rotation/kinds.ts';
import type { RotatePorts } from '../../src/rotation/perform/ports.ts';
import { rotateKey } from '../../src/rotation/perform/rotate-key.ts';
import { rehearse } from '../../src/rotation/rehearsal/rehearse.ts';
import type { Proposal, RotateRequest, RotateResult } from '../../src/rotation/rotate-request.ts';
import { auditedRewrap } from '../../src/tenants/audited-rewrap.ts';
import { ManualClock } from '../support/clock.ts';
import { portsOn, recordIn, secret } from '../support/installations.ts';
import type { MemoryCensus } from '../support/memory-census.ts';
import type { MemoryStore } from '../support/memory-store.ts';

export interface RotateOptions extends Partial<Omit<RotateRequest, 'assumeConsumersCurrent'>> {
  /** For a generation alone; or true: the operator gives his word as often as it is asked for, each time for what is there then. */
  readonly assumeConsumersCurrent?: boolean | number;
  readonly agree?: (proposal: Proposal) => Promise<void>;
  readonly clock?: ManualClock;
  readonly seed?: string;
  readonly signal?: AbortSignal;
  readonly workloads?: Workloads;
  readonly served?: (host: string) => Probed;
  /** The database of the tenant keys; undefined where none is named. */
  readonly tenants?: TenantStore;
  /** The records that a census counts; undefined where no database is named. */
  readonly census?: MemoryCensus | undefined;
  /** The users of the database; undefined where none is named. */
  readonly users?: DatabaseUsers;
}

/** As the command does it, with everybody agreeing. */
export async function rotate(store: KeyStore, kind: string, options: RotateOptions = {}): Promise<RotateResult> {
  let result = await once(store, kind, options);
  // Every word raises the record's generation once at the most; a rotation has three steps that may ask for one.
  for (
    let words = 0;
    options.assumeConsumersCurrent === true && result.waitingFor?.onWord === true && words < 9;
    words++
  ) {
    // As the command that is printed: the rotation is open by now.
    const next = await once(store, kind, { ...options, again: false });
    if (next.generation === result.generation && !next.wrote) return result;
    result = joined(result, next);
  }
  return result;
}

/** One run of the command. */
export function once(store: KeyStore, kind: string, options: RotateOptions = {}): Promise<RotateResult> {
  const { clock, seed, signal, workloads, served, tenants: _, census: __, users: ___, agree: ____, ...flags } = options;
  const { assumeConsumersCurrent: given = false, ...rest } = flags;
  const generation = typeof given === 'number' ? given : undefined;
  const request: RotateRequest = {
    kind: parseKind(kind),
    request: undefined,
    mayStart: true,
    before: undefined,
    due: false,
    again: false,
    compromised: false,
    restart: false,
    acceptResets: undefined,
    services: undefined,
    dryRun: false,
    assumeConsumersCurrent:
      given === false ? undefined : { generation, onTerminal: true, command: (n) => `rotate ${kind} ${n}` },
    noTenantStore: false,
    ignoredPods: [],
    endpoints: [],
    ...rest,
  };
  const ports = rotatePorts(store, options);
  return request.dryRun ? rehearse(request, ports, async () => undefined) : rotateKey(request, ports);
}

/** Two runs, as one that did what both have done. */
function joined(first: RotateResult, second: RotateResult): RotateResult {
  return {
    ...second,
    steps: [...first.steps, ...second.steps],
    transitions: [...first.transitions, ...second.transitions],
    effects: [...first.effects, ...second.effects],
    notes: [...new Set([...first.notes, ...second.notes])],
    wrote: first.wrote || second.wrote,
  };
}

function rotatePorts(
  store: KeyStore,
  { clock, seed, signal, workloads, served, tenants, census, users, agree }: RotateOptions,
): RotatePorts {
  const at = clock ?? new ManualClock();
  const ports = portsOn(store, {
    clock: at,
    ...(seed === undefined ? {} : { seed }),
    ...(signal === undefined ? {} : { signal }),
  });
  return {
    ...ports,
    actor: { ...ports.actor, command: 'rotate' },
    agree: agree ?? (async () => undefined),
    spec: { spec: undefined, namespace: undefined },
    rewrap: auditedRewrap,
    workloads,
    probe: { probe: async ({ host }) => served?.(host) ?? { unreachable: 'nobody listens' } },
    tenantDatabase: () => (tenants === undefined ? undefined : async () => tenants),
    censusDatabase: () => (census === undefined ? undefined : async () => census),
    databaseUsers: () => (users === undefined ? undefined : Promise.resolve(users)),
    pause: async (ms) => at.advance(ms / 1000),
  };
}

/** Makes the store that of a cluster on which this runs, and on which one may do everything. */
export function onCluster(store: MemoryStore, clock: ManualClock, workloads: Workloads): void {
  const server = { version: async () => 'v1.34.0', now: async () => clock.now(), denied: async () => [] };
  const silent = { event: async () => undefined, tryWrite: async () => undefined, user: async () => 'me' };
  Object.assign(store, { cluster: { ...server, ...silent, workloads } });
}

/** `v1 trusted, v2 active`, as the record has it. */
export function statesOf(store: MemoryStore, kind: string): string {
  const versions: VersionRecord[] = recordIn(store.snapshot()).keys[kind].versions;
  return versions.map(({ n, state }) => `v${n} ${state}`).join(', ');
}

/** A version with a history that leads to its state. */
export function version(
  n: number,
  state: State,
  since = '2027-01-01T00:00:00Z',
  past: readonly State[] = [],
): VersionRecord {
  return {
    n,
    kid: `${'abcdefghij'[n]}`.repeat(16),
    state,
    createdAt: since,
    since,
    history: [...past, state].map((each) => ({ state: each, at: since })),
    backups: [],
  };
}

/** A Pod with one container that mounts a Secret of the platform. */
export function pod(name: string, startedAt: string | undefined, change: Partial<Pod> = {}): Pod {
  const [workload = ''] = name.split('-');
  return {
    namespace: 'hubble-system',
    name,
    workload: `Deployment/hubble-system/${workload}`,
    finished: false,
    leaving: false,
    uses: [{ object: platform('root-key'), container: 'main', how: 'volume' }],
    startedAt: new Map(startedAt === undefined ? [] : [['main', new Date(startedAt)]]),
    loadedKids: [],
    ...change,
  };
}

export function platform(name: string): ObjectRef {
  return secret('hubble-system', `palette-${name}`);
}

/** Workloads with these Pods, of objects that were changed at that time. */
export function workloadsOf(pods: () => readonly Pod[], changedAt: () => Date): Workloads & { restarted: string[] } {
  const restarted: string[] = [];
  return {
    restarted,
    pods: async () => pods(),
    changedAt: async () => changedAt(),
    exists: async () => true,
    restart: async (workload) => {
      restarted.push(workload);
      return true;
    },
    isReady: async () => true,
  };
}
