import { isTime } from './entry.ts';
import { type InstallationRecord, type KeyRecord, takesAnchor, type VersionRecord } from './record.ts';
import { isObject } from './text.ts';

/** Ends of validity: they say nothing about the clock that noted them. */
const NOT_NOTED = ['notAfter'];

/** The newest time (RFC 3339) at which anything was noted in the record; times that an accepted clock made void do not count. */
export function newestNoted(record: InstallationRecord): string {
  const clock = takesAnchor(record) ? record.clock : undefined;
  const ignored = new Set(clock?.ignored);
  const made = madeAt(record).filter((at) => !ignored.has(at));
  const states = Object.values(record.keys).flatMap(({ versions, evidence }) => [
    ...versions.flatMap(({ since, history, backups }) => [since, ...[...history, ...backups].map(({ at }) => at)]),
    ...timesIn(evidence),
  ]);
  const accepted = clock === undefined ? [] : [clock.acceptedAt];
  // All are UTC and to the second: their order as text is their order in time.
  return [...made, ...states, ...accepted].sort().at(-1) ?? '';
}

/**
 * The record as it is once the clock that says `now` (RFC 3339) is accepted: what was noted later than that counts as noted
 * now. That is later than the truth, for it was noted before now, so no gate opens earlier. Times of creation stay: they
 * are equal to those in the ledger, which never change. `schemaVersion` becomes one that takes such a note.
 */
export function withAcceptedClock(record: InstallationRecord, now: string): InstallationRecord {
  const keys = Object.entries(record.keys).map(([kind, key]) => [kind, withoutLater(key, now)] as const);
  const ignored = [...new Set(madeAt(record).filter((at) => at > now))].sort();
  return {
    ...record,
    schemaVersion: takesAnchor(record) ? record.schemaVersion : 2,
    keys: Object.fromEntries(keys),
    clock: { acceptedAt: now, ignored },
  };
}

function madeAt({ createdAt, keys }: InstallationRecord): readonly string[] {
  return [createdAt, ...Object.values(keys).flatMap(({ versions }) => versions.map((version) => version.createdAt))];
}

function withoutLater(key: KeyRecord, now: string): KeyRecord {
  const atMost = (time: string): string => (time > now ? now : time);
  const versions = key.versions.map((version): VersionRecord => {
    const { since, history, backups } = version;
    return {
      ...version,
      since: atMost(since),
      history: history.map((each) => ({ ...each, at: atMost(each.at) })),
      backups: backups.map((each) => ({ ...each, at: atMost(each.at) })),
    };
  });
  return { ...key, versions, evidence: mapTimes(key.evidence, atMost) as KeyRecord['evidence'] };
}

function timesIn(value: unknown): readonly string[] {
  const times: string[] = [];
  mapTimes(value, (time) => {
    times.push(time);
    return time;
  });
  return times;
}

/** The value with every time in it replaced, at whatever depth. */
function mapTimes(value: unknown, change: (time: string) => string): unknown {
  if (typeof value === 'string') return isTime(value) ? change(value) : value;
  if (Array.isArray(value)) return value.map((each) => mapTimes(each, change));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, NOT_NOTED.includes(name) ? each : mapTimes(each, change)]),
  );
}
