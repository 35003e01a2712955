import { PaletteKeysError } from '../../errors.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import type { Clock } from '../../ports/clock.ts';
import type { AccessNeed, Cluster } from '../../ports/cluster.ts';
import { checkClock } from '../clock/check.ts';
import type { ReconcilePlan } from '../plan/plan-changes.ts';
import { importNeeds, initNeeds, need, readingNeeds } from './needs.ts';

/** Immutable Secrets are there from 1.21 on; the ledger rests on them. */
const OLDEST = { major: 1, minor: 21 };

export interface Denied {
  readonly needs: readonly AccessNeed[];
  readonly user: string;
}

/** Version, clock and namespaces of a cluster. Throws what stands in the way; returns all that the user is denied. */
export async function preflight(
  cluster: Cluster,
  plan: ReconcilePlan,
  options: { readonly createNamespaces: boolean; readonly clock: Clock },
): Promise<Denied | undefined> {
  checkVersion(await cluster.version());
  await checkClock(cluster, options.clock);
  if (plan.missingNamespaces.length > 0 && !options.createNamespaces) throw namespacesMissing(plan.missingNamespaces);
  return deniedOf(cluster, needsOf(plan, options.createNamespaces));
}

const NEEDS = {
  init: initNeeds,
  status: readingNeeds,
  'import-cert': (spec: InstallationSpec) => [...initNeeds(spec), ...importNeeds(spec)],
} as const satisfies Record<string, (spec: InstallationSpec) => readonly AccessNeed[]>;

export type Command = keyof typeof NEEDS;

/** All that a command may ever need and the user is denied; for when reading alone was refused. */
export function deniedOfAll(cluster: Cluster, spec: InstallationSpec, command: Command): Promise<Denied | undefined> {
  return deniedOf(cluster, NEEDS[command](spec));
}

async function deniedOf(cluster: Cluster, needs: readonly AccessNeed[]): Promise<Denied | undefined> {
  const denied = await cluster.denied(needs);
  return denied.length === 0 ? undefined : { needs: denied, user: await cluster.user() };
}

/** What this plan will do, of all that `init` may: events are best effort, so they are never asked for. */
function needsOf({ spec, steps, missingNamespaces }: ReconcilePlan, createNamespaces: boolean): readonly AccessNeed[] {
  const writes = new Set(
    steps
      .filter(({ action }) => action !== 'keep' && action !== 'blocked')
      .map(({ ref, replaces }) =>
        JSON.stringify([replaces === true ? 'update' : 'create', ref.namespace, replaces === true ? ref.name : null]),
      ),
  );
  const planned = [...initNeeds(spec), ...importNeeds(spec)].filter(({ verb, resource, namespace, name }) => {
    if (resource === 'events' || resource === 'namespaces') return false;
    if (namespace === spec.ledgerNamespace) return true;
    return writes.has(JSON.stringify([verb, namespace, name ?? null]));
  });
  if (!createNamespaces || missingNamespaces.length === 0) return planned;
  return [...planned, need('create', 'namespaces', undefined)];
}

function checkVersion(version: string): void {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  if (Number(major) > OLDEST.major || Number(minor) >= OLDEST.minor) return;
  throw new PaletteKeysError('STORE_UNAVAILABLE', `the cluster runs Kubernetes ${version}`, {
    hint: `palette-keys needs ${OLDEST.major}.${OLDEST.minor} or newer: the ledger is made of immutable Secrets`,
  });
}

/** A namespace that the spec names and the cluster lacks is most often a mistake in one of them. */
export function namespacesMissing(namespaces: readonly string[]): PaletteKeysError {
  const noun = namespaces.length === 1 ? 'namespace is' : 'namespaces are';
  return new PaletteKeysError('NAMESPACE_MISSING', `${namespaces.length} ${noun} not there: ${namespaces.join(', ')}`, {
    hint: 'check the spec and the cluster; --create-namespaces makes them',
  });
}
