import { PaletteKeysError } from '../../errors.ts';
import { RECORD_NAME } from '../../installation/names.ts';
import { readRecord } from '../../inventory/ledger-view.ts';
import { formatTime } from '../../ledger/entry.ts';
import { newestNoted, withAcceptedClock } from '../../ledger/noted-times.ts';
import { type InstallationRecord, recordObject, takesAnchor } from '../../ledger/record.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Cluster } from '../../ports/cluster.ts';
import type { FoundObject, KeyStore } from '../../ports/key-store.ts';
import { CLOCK_TOLERANCE_MS, type ClockDoubt, judgeClock } from '../plan/judge-clock.ts';

export interface ClockRules {
  readonly clock: Clock;
  /** True with --accept-clock: the clock counts, whatever speaks against it. */
  readonly accepted: boolean;
  /** True for a run that writes nothing: the record is read as it would be once the clock is accepted. */
  readonly dryRun: boolean;
  /** Throws, or warns. `older`: the record was written by an older build, and takes no acceptance before it is migrated. */
  doubt(doubt: ClockDoubt, older: boolean): void;
}

/** The record is judged whenever it is read, the API server's clock before the lock: no command can forget it. */
export function guardClock(store: KeyStore, rules: ClockRules): KeyStore {
  const cluster = store.cluster === undefined ? undefined : guardCluster(store.cluster, rules);
  const look = recordWatch(rules);
  return {
    kind: store.kind,
    location: store.location,
    cluster: cluster?.guarded,
    ledgerNamespaces: () => store.ledgerNamespaces(),
    list: async (namespace, without) => (await store.list(namespace, without)).map(look),
    get: async (ref) => {
      const found = await store.get(ref);
      return found === undefined ? undefined : look(found);
    },
    create: (object) => store.create(object),
    replace: (object, version) => store.replace(object, version),
    remove: (ref, version) => store.remove(ref, version),
    missingNamespaces: (namespaces) => store.missingNamespaces(namespaces),
    addNamespaces: (namespaces) => store.addNamespaces(namespaces),
    leftovers: (search) => store.leftovers(search),
    lock: async (holder) => {
      await cluster?.check();
      return store.lock(holder);
    },
  };
}

function recordWatch(rules: ClockRules): (found: FoundObject) => FoundObject {
  let known: { readonly version: string; readonly record: InstallationRecord; readonly newest: string } | undefined;
  return (found) => {
    if (found.damage !== undefined || found.ref.kind !== 'ConfigMap' || found.ref.name !== RECORD_NAME) return found;
    if (known?.version !== found.version) {
      const record = recordIn(found);
      if (record === undefined) return found;
      known = { version: found.version, record, newest: newestNoted(record) };
    }
    const { record, newest } = known;
    const now = rules.clock.now();
    const doubt = judgeClock({ now, newestNoted: newest });
    if (doubt === undefined) return found;
    if (!rules.accepted) rules.doubt(doubt, !takesAnchor(record));
    else if (rules.dryRun) {
      const accepted = { ...withAcceptedClock(record, formatTime(now)), schemaVersion: record.schemaVersion };
      return { ...found, data: recordObject(found.ref, accepted, '').data };
    }
    return found;
  };
}

/** Undefined where there is none that can be read: whoever needs it says so. */
function recordIn(found: FoundObject): InstallationRecord | undefined {
  try {
    const view = readRecord([found]);
    return view.status === 'sound' ? view.record : undefined;
  } catch (error) {
    if (error instanceof PaletteKeysError) return undefined;
    throw error;
  }
}

/** A clock that was accepted stands for the cluster's. Else, one that was asked a moment ago is not asked again. */
function guardCluster(cluster: Cluster, rules: ClockRules): { readonly guarded: Cluster; check(): Promise<void> } {
  let askedAt: number | undefined;
  const now = async (): Promise<Date> => {
    if (rules.accepted) return rules.clock.now();
    const serverNow = await cluster.now();
    const here = rules.clock.now();
    const doubt = judgeClock({ now: here, serverNow });
    askedAt = here.getTime();
    if (doubt === undefined) return serverNow;
    rules.doubt(doubt, false);
    // It was warned of: whoever compares them again would refuse.
    return here;
  };
  const guarded: Cluster = {
    workloads: cluster.workloads,
    version: () => cluster.version(),
    now,
    user: () => cluster.user(),
    denied: (needs) => cluster.denied(needs),
    tryWrite: (object, version) => cluster.tryWrite(object, version),
    event: (about, reason, message) => cluster.event(about, reason, message),
  };
  const check = async (): Promise<void> => {
    const since = askedAt === undefined ? Number.NaN : rules.clock.now().getTime() - askedAt;
    if (!(since >= 0 && since < CLOCK_TOLERANCE_MS)) await now();
  };
  return { guarded, check };
}
