import { defaultSpec } from '../../installation/defaults.ts';
import { diffSpecs } from '../../installation/diff.ts';
import { serviceNamespaces } from '../../installation/names.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import { INVENTORY } from '../../inventory/index.ts';
import { formatTime, type KindId } from '../../ledger/entry.ts';
import { withFormerJwt } from '../../ledger/former-jwt.ts';
import { generationOf } from '../../ledger/metadata.ts';
import {
  type InstallationRecord,
  isOlder,
  type KeyRecord,
  SCHEMA_VERSION,
  type VersionRecord,
} from '../../ledger/record.ts';
import { withReleased } from '../../ledger/released-places.ts';
import { withReplacement } from '../../ledger/replacement.ts';
import type { Ring, Rings, RingVersion } from '../../ledger/ring.ts';
import type { FoundObject } from '../../ports/key-store.ts';
import type { Change } from './change.ts';

type Keys = InstallationRecord['keys'];

interface RecordFacts {
  readonly installationId: string;
  readonly spec: InstallationSpec;
  readonly rings: Rings;
  readonly projections: Iterable<FoundObject>;
  readonly now: Date;
  /** Versions that were destroyed, where there is no record to tell. */
  readonly destroyed?: ReadonlyMap<KindId, readonly VersionRecord[]>;
  /** What the run is for, if it is for a change. */
  readonly change?: Change | undefined;
  /** True for `init`, which alone raises the schemaVersion of a record that an older build wrote. */
  readonly migrates?: boolean | undefined;
}

/**
 * The record that rings and spec amount to. States and spec that are as before leave it as it was; a change raises
 * `generation` and takes `ready` away. Built without one before, it goes on from the newest projection's generation.
 */
export function nextRecord(before: InstallationRecord | undefined, facts: RecordFacts): InstallationRecord {
  const { change } = facts;
  const now = formatTime(facts.now);
  const keys = Object.fromEntries(
    INVENTORY.flatMap(({ id }): [KindId, KeyRecord][] => {
      const ring = facts.rings.get(id);
      if (ring === undefined) return [];
      const compromised = change?.kind === id && change.compromised;
      const gone = facts.destroyed?.get(id)?.filter((old) => ring.every(({ n }) => n !== old.n)) ?? [];
      const known = before?.keys[id] ?? { versions: gone, evidence: [] };
      return [[id, nextKey(known, ring, compromised, now)]];
    }),
  );
  if (before === undefined) return firstRecord(facts, keepDefaultWaits(keys, facts.spec, now));
  const waits = keepLongerWaits({ ...before.keys, ...keys }, before.spec, facts.spec, now);
  const all = keepPlaces(waits, before.spec, facts.spec);
  const sameKeys = JSON.stringify(all) === JSON.stringify(before.keys);
  const current = facts.migrates === true && isOlder(before) ? { ...before, schemaVersion: SCHEMA_VERSION } : before;
  const opening = isOpening(before);
  // What others vouch for by generation is not what a killed run has left half written.
  const completes = (change?.whole === true || facts.migrates === true) && !before.ready && !opening;
  return sameKeys && !completes && diffSpecs(before.spec, facts.spec).length === 0
    ? current
    : {
        ...{ ...current, spec: facts.spec, keys: all, ready: false },
        generation: opening ? before.generation : before.generation + 1,
      };
}

/** Tokens and key sets from before a shorter life was asked for are still about. */
function keepLongerWaits(keys: Keys, before: InstallationSpec, next: InstallationSpec, now: string): Keys {
  const { 'jwt-signing-key': key } = keys;
  return key === undefined ? keys : { ...keys, 'jwt-signing-key': withFormerJwt(key, before.jwt, next.jwt, now) };
}

/** Pods may use the CA bundle of a namespace that the spec has left. */
function keepPlaces(keys: Keys, before: InstallationSpec, next: InstallationSpec): Keys {
  const { 'internal-ca': key } = keys;
  if (key === undefined) return keys;
  return { ...keys, 'internal-ca': withReleased(key, serviceNamespaces(before), serviceNamespaces(next)) };
}

/** Whether tokens lived longer before, a lost record tells nobody: where a key is being rotated, they lived as by default. */
function keepDefaultWaits(keys: Keys, next: InstallationSpec, now: string): Keys {
  const isRotated = (keys['jwt-signing-key']?.versions ?? []).filter(({ state }) => state !== 'destroyed').length > 1;
  return isRotated ? keepLongerWaits(keys, defaultSpec(), next, now) : keys;
}

/** A first run's record with spec and root key alone: its generation is still to be used. */
export function isOpening({ ready, keys }: InstallationRecord): boolean {
  const kinds = Object.entries(keys);
  return (
    !ready && kinds.length === 1 && kinds.every(([id, { versions }]) => id === 'root-key' && versions.length === 1)
  );
}

/** The newest generation that an object names; 0 where none does. */
export function newestGeneration(projections: Iterable<FoundObject>): number {
  return Math.max(0, ...[...projections].map((found) => (found.damage === undefined ? generationOf(found) : 0)));
}

function firstRecord(facts: RecordFacts, keys: Keys): InstallationRecord {
  return {
    schemaVersion: SCHEMA_VERSION,
    installationId: facts.installationId,
    createdAt: facts.rings.get('root-key')?.[0]?.createdAt ?? formatTime(facts.now),
    spec: facts.spec,
    generation: Math.max(1, newestGeneration(facts.projections)),
    keys,
    ready: false,
  };
}

function nextKey(before: KeyRecord, ring: Ring, compromised: boolean, now: string): KeyRecord {
  const known = before.versions;
  const destroyed = known.filter(({ n, state }) => state === 'destroyed' && ring.every((version) => version.n !== n));
  const versions = ring.map((version) => {
    const old = known.find(({ n }) => n === version.n);
    return nextVersion(old, version, ring, now);
  });
  const isNew = ({ n, state }: RingVersion): boolean => state === 'published' && known.every((old) => old.n !== n);
  const replacements = compromised ? ring.filter(isNew) : [];
  return {
    ...before,
    versions: [...destroyed, ...versions].sort((a, b) => a.n - b.n),
    evidence: replacements.reduce((evidence, { n }) => withReplacement(evidence, n), before.evidence),
  };
}

function nextVersion(before: VersionRecord | undefined, version: RingVersion, ring: Ring, now: string): VersionRecord {
  const { n, state, createdAt, facts, activeSince } = version;
  if (before?.state === state) return before;
  // A lone version has been active since it was made. Of others nobody knows since when, so soak times begin anew.
  const since = before === undefined && ring.length === 1 ? createdAt : now;
  // A record that is rebuilt goes on telling which version was the active one before.
  const former = activeSince === undefined ? [] : [{ state: 'active' as const, at: activeSince }];
  return {
    ...before,
    n,
    kid: facts.kid,
    state,
    createdAt,
    since,
    history: [...(before?.history ?? former), { state, at: since }],
    ...(facts.fingerprint === undefined ? {} : { fingerprint: facts.fingerprint }),
    ...(facts.notAfter === undefined ? {} : { notAfter: formatTime(facts.notAfter) }),
    backups: before?.backups ?? [],
  };
}
