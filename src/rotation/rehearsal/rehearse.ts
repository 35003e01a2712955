import type { TenantAccess } from '../../tenants/keyring.ts';
import type { RunEvent } from '../history.ts';
import type { RotatePorts } from '../perform/ports.ts';
import { rotateKey } from '../perform/rotate-key.ts';
import {
  irrevocableLoss,
  type Proposal,
  type RotateRequest,
  type RotateResult,
  type WaitingFor,
} from '../rotate-request.ts';
import { overlayCluster, overlayWorkloads } from './overlay-cluster.ts';
import { overlayTenants, overlayUsers, type RehearsedUsers } from './overlay-database.ts';
import { overlayStore } from './overlay-store.ts';

/** What is checked of each step, instead of asking; throws what would stop the run. */
export type CheckStep = (proposal: Proposal) => Promise<void>;

/** The same run, never writing: every step, and what it would wait for. Throws what it would before the first write. */
export async function rehearse(
  request: RotateRequest,
  ports: Omit<RotatePorts, 'agree'>,
  check: CheckStep,
): Promise<RotateResult> {
  const planned: string[] = [];
  const warnings: string[] = [];
  const agree = async (proposal: Proposal): Promise<void> => {
    const { irrevocable, action } = proposal;
    await check(proposal);
    if (irrevocable?.yields === true) warnings.push(irrevocable.reason);
    else if (irrevocable !== undefined) throw irrevocableLoss(irrevocable);
    planned.push(action);
  };
  let before: Rehearsed['before'];
  const watch = (event: RunEvent): void => {
    if (event.type === 'read') before ??= event;
    // What lies about of a destroyed key is deleted without a question.
    if (event.type === 'did' && event.effect.startsWith('deleted '))
      planned.push(event.effect.replace('deleted', 'delete'));
  };
  const result = await rotateKey({ ...request, dryRun: true }, { ...overlay(ports), agree }, watch);
  return asRehearsed(result, { planned, warnings, before });
}

function overlay(ports: Omit<RotatePorts, 'agree'>): Omit<RotatePorts, 'agree'> {
  let elapsed = 0;
  let rewrapped: TenantAccess | undefined;
  let leafKey: ReturnType<RotatePorts['newLeafKey']> | undefined;
  const clock = { now: () => new Date(ports.clock.now().getTime() + elapsed) };
  const users: RehearsedUsers = { made: new Map(), dropped: new Set(), answers: new Map() };
  const { store, tenantDatabase, databaseUsers } = ports;
  const workloads =
    ports.workloads === undefined ? undefined : overlayWorkloads(ports.workloads, clock, (ref) => over.writtenAt(ref));
  const cluster =
    store.cluster === undefined || workloads === undefined
      ? undefined
      : overlayCluster(store.cluster, workloads, () => elapsed);
  const over = overlayStore(store, cluster, clock);
  return {
    ...ports,
    store: over,
    clock,
    workloads,
    newLeafKey: (bits) => (leafKey ??= ports.newLeafKey(bits)),
    emit: () => undefined,
    pause: async (ms) => {
      ports.signal.throwIfAborted();
      elapsed += ms;
    },
    tenantDatabase: (spec) => {
      const open = tenantDatabase(spec);
      if (open === undefined) return undefined;
      return async (access) => overlayTenants(await open(access), () => rewrapped, ports.random);
    },
    databaseUsers: (spec, ca) => databaseUsers(spec, ca)?.then((server) => overlayUsers(server, users)),
    rewrap: async (access, _shard, preview) => {
      rewrapped = access;
      return { ...preview, rewrapped: preview.due, remaining: 0 };
    },
  };
}

interface Rehearsed {
  readonly planned: readonly string[];
  readonly warnings: readonly string[];
  readonly before: Extract<RunEvent, { type: 'read' }> | undefined;
}

/** Nothing was written: versions are what they were, and the keys of the rehearsal are not spoken of. */
function asRehearsed(result: RotateResult, { planned, warnings, before }: Rehearsed): RotateResult {
  const made = result.transitions
    .map(({ kid }) => kid)
    .filter((kid) => !before?.versions.some((each) => each.kid === kid));
  const isKnown = (text: string): boolean => !made.some((kid) => kid !== '' && text.includes(kid));
  const { waitingFor } = result;
  return {
    ...result,
    ...{ steps: [], transitions: [], effects: [], wrote: false, refused: false, offersWord: false },
    done: result.done && planned.length === 0,
    versions: before?.versions.map(({ n, kid, state }) => ({ n, kid, state })) ?? result.versions,
    generation: before?.generation ?? result.generation,
    notes: [...warnings, ...result.notes.filter(isKnown)],
    waitingFor: planned.length === 0 || waitingFor === undefined ? waitingFor : laterWait(waitingFor, isKnown),
    planned,
  };
}

/** What would be waited for after steps that were not taken: no word opens that now. */
function laterWait({ onWord, toCopy, ...waiting }: WaitingFor, isKnown: (text: string) => boolean): WaitingFor {
  return { ...waiting, blockers: waiting.blockers.filter(isKnown) };
}
