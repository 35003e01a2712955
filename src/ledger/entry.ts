import { KID_PATTERN } from '../crypto/kid.ts';
import { DamagedError } from '../errors.ts';
import type { Entries, NewObject, StoredObject } from '../ports/key-store.ts';
import type { ObjectRef } from '../ports/object-ref.ts';
import { isKindId, type KindId } from './kind-id.ts';
import { annotations, LABEL, labels } from './metadata.ts';
import { entry, textEntry, utf8 } from './text.ts';

export { isKindId, type KindId };

/** What one version is made of, as its ledger entry holds it: `key`, or `key.pem`, `tls.crt`, or `username` … */
export interface Material {
  /** The entry `alg`: a JOSE name, or `none`. */
  readonly alg: string;
  readonly entries: Entries;
}

/** Public facts about a version; `fingerprint` is of the certificate, or of the public key where there is none. */
export interface Facts {
  readonly kid: string;
  readonly fingerprint?: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** One version of a key, read from the ledger and checked against its own kid. */
export interface LedgerEntry {
  readonly kind: KindId;
  readonly n: number;
  readonly createdAt: string;
  readonly material: Material;
  readonly facts: Facts;
}

/** What one can say of a ledger entry before its kind has looked at the material. */
type EntryHeader = Pick<LedgerEntry, 'createdAt' | 'material'> & Pick<Facts, 'kid'>;

const HEADER_ENTRIES = ['kind', 'kid', 'createdAt', 'alg'];

/** The Secret of a ledger entry: immutable, created once, never changed. */
export function ledgerObject(
  ref: ObjectRef,
  version: LedgerEntry,
  context: {
    readonly installationId: string;
    readonly toolVersion: string;
    /** Further annotations. */
    readonly notes?: Readonly<Record<string, string>>;
  },
): NewObject {
  return {
    ref,
    type: 'Opaque',
    immutable: true,
    labels: labels(context.installationId, version.kind),
    annotations: { ...annotations(context.toolVersion), ...context.notes },
    data: {
      kind: utf8(version.kind),
      kid: utf8(version.facts.kid),
      createdAt: utf8(version.createdAt),
      alg: utf8(version.material.alg),
      ...version.material.entries,
    },
  };
}

/** Splits a ledger Secret into header and material. Throws DamagedError where it contradicts its name or its form. */
export function readLedgerObject(object: StoredObject, kind: KindId): EntryHeader {
  if (textEntry(object.data, 'kind') !== kind) throw new DamagedError('its entry kind contradicts its name');
  const kid = textEntry(object.data, 'kid');
  if (!KID_PATTERN.test(kid)) throw new DamagedError('its entry kid is not a kid');
  const createdAt = textEntry(object.data, 'createdAt');
  if (!isTime(createdAt)) throw new DamagedError('its entry createdAt is not a time');
  const names = Object.keys(object.data).filter((name) => !HEADER_ENTRIES.includes(name));
  const entries = Object.fromEntries(names.map((name) => [name, entry(object.data, name)]));
  return { kid, createdAt, material: { alg: textEntry(object.data, 'alg'), entries } };
}

/** The installation that a stored object's label names. */
export function installationOf(object: StoredObject): string | undefined {
  return object.labels[LABEL.installation];
}

/** RFC 3339, UTC, to the second. */
export function formatTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** No key of ours is older; what is written with more than four digits for the year is no RFC 3339. */
const EARLIEST = Date.UTC(2000, 0);

/** True for what `formatTime` writes of a time from the year 2000 to 9999. */
export function isTime(text: string): boolean {
  const ms = Date.parse(text);
  return ms >= EARLIEST && formatTime(new Date(ms)) === text;
}
