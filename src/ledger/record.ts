import * as z from 'zod/mini';
import { KID_PATTERN } from '../crypto/kid.ts';
import { DamagedError, PaletteKeysError } from '../errors.ts';
import { validateSpec } from '../installation/parse/validate.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import type { Entries, NewObject } from '../ports/key-store.ts';
import type { ObjectRef } from '../ports/object-ref.ts';
import { MOST } from './bounds.ts';
import { isTime, type KindId } from './entry.ts';
import { isEvidence, type KeyEvidence } from './evidence.ts';
import { decodeFormer, encodeFormer } from './former-evidence.ts';
import { annotations, labels } from './metadata.ts';
import { STATES } from './ring.ts';
import { isObject, jsonEntry, utf8 } from './text.ts';

/** What `init` writes, and the newest schema that this program knows. Every new field of record or spec raises it. */
export const SCHEMA_VERSION = 3 as const;
/** What plans call the record, and its label. */
export const RECORD_KEY = 'installation-record';
/** Commands other than `init` keep the schemaVersion that they find, and use no field that is newer than it. */
const KNOWN_VERSIONS = [1, 2, 3] as const;

const text = z.string().check(z.maxLength(MOST.text));
const time = z.string().check(z.refine(isTime));
const kid = z.string().check(z.regex(KID_PATTERN));
const sha256 = z.string().check(z.regex(/^[0-9a-f]{64}$/));
const fingerprint = z.string().check(z.regex(/^SHA256:[0-9a-f]{64}$/));

const version = z.looseObject({
  n: z.int().check(z.minimum(1), z.maximum(MOST.number)),
  kid,
  state: z.enum(STATES),
  createdAt: time,
  /** When the state was entered. */
  since: time,
  history: z.array(z.looseObject({ state: z.enum(STATES), at: time })).check(z.maxLength(MOST.history)),
  fingerprint: z.optional(fingerprint),
  notAfter: z.optional(time),
  /** Backups that hold this version. */
  backups: z
    .array(
      z.looseObject({
        file: text,
        sha256: text,
        at: time,
        recipients: z.array(text).check(z.maxLength(MOST.recipients)),
      }),
    )
    .check(z.maxLength(MOST.backups)),
});

/** Fields that a build wrote which this one does not know are kept: objects are loose. */
const schema = z.looseObject({
  schemaVersion: z.literal(KNOWN_VERSIONS),
  installationId: z.string().check(z.regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/)),
  createdAt: time,
  spec: z.unknown(),
  generation: z.int().check(z.minimum(1), z.maximum(MOST.number)),
  keys: z.record(
    z.string(),
    z.looseObject({
      versions: z.array(version).check(z.maxLength(MOST.versions)),
      evidence: z.unknown(),
    }),
  ),
  ready: z.boolean(),
});

/** Fields that schemaVersion 2 brought. In an older record they are unknown ones: kept, and not used. */
const line = { lines: z.int().check(z.minimum(1), z.maximum(1e12)), digest: sha256 };
const sinceTwo = z.looseObject({
  audit: z.optional(z.looseObject({ ...line, start: z.optional(z.looseObject(line)) })),
  clock: z.optional(z.looseObject({ acceptedAt: time, ignored: z.array(time) })),
});

export type VersionRecord = Readonly<z.infer<typeof version>>;

/**
 * Number of lines that the audit log ever had, over all its archives, and SHA-256 (hex) of the last one. `start`: the same
 * of the line that the present log goes on from, where that is not its first one.
 */
export interface AuditAnchor {
  readonly lines: number;
  readonly digest: string;
  readonly start?: { readonly lines: number; readonly digest: string } | undefined;
}

/** When a clock was accepted last, and times in the record that were later than it and cannot be changed. */
export type AcceptedClock = NonNullable<z.infer<typeof sinceTwo>['clock']>;

/** When a version last became the active one. */
export function activeSinceOf({ history }: VersionRecord): string | undefined {
  return history.findLast(({ state }) => state === 'active')?.at;
}

/** The versions of one kind, by rising n, and what was observed about the transitions between their states. */
export interface KeyRecord {
  readonly versions: readonly VersionRecord[];
  readonly evidence: KeyEvidence;
}

/**
 * The installation's record: the only place where states live. It holds no secrets. `generation` rises with every
 * change of spec or states; `ready` is false from then until all projections show that change.
 */
export interface InstallationRecord {
  readonly schemaVersion: (typeof KNOWN_VERSIONS)[number];
  readonly installationId: string;
  readonly createdAt: string;
  readonly spec: InstallationSpec;
  readonly generation: number;
  /** A kind that only a newer build knows stands here too: it is kept, and not used. */
  readonly keys: Readonly<Partial<Record<KindId, KeyRecord>>>;
  readonly ready: boolean;
  /** Since schemaVersion 2. */
  readonly audit?: AuditAnchor;
  /** Since schemaVersion 2. */
  readonly clock?: AcceptedClock;
}

/** Reads entry `record.json`. Throws DamagedError, or RECORD_TOO_NEW for one of a later schemaVersion. */
export function decodeRecord(entries: Entries): InstallationRecord {
  const json = jsonEntry(entries, 'record.json');
  const schemaVersion = isObject(json) ? json['schemaVersion'] : undefined;
  if (typeof schemaVersion === 'number' && schemaVersion > SCHEMA_VERSION) throw tooNew(schemaVersion);
  const record = parse(schema, json);
  if (takesAnchor(record)) parse(sinceTwo, json);
  const keys = Object.entries(record.keys).map(([kind, key]) => {
    checkVersions(kind, key.versions);
    return [kind, { ...key, evidence: decodeEvidence(kind, key.evidence, record) }] as const;
  });
  return { ...record, spec: recordedSpec(record.spec), keys: Object.fromEntries(keys) } as InstallationRecord;
}

function parse<T extends z.core.$ZodType>(shape: T, json: unknown): z.output<T> {
  const parsed = z.safeParse(shape, json, { jitless: true });
  if (parsed.success) return parsed.data;
  const path = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new DamagedError(`record.json does not have the form of a record (at ${path === '' ? 'its top' : path})`);
}

type Versioned = Pick<InstallationRecord, 'schemaVersion'>;

/** Until schemaVersion 3 evidence had another form. In memory there is but the present one. */
function decodeEvidence(kind: string, evidence: unknown, { schemaVersion }: Versioned): KeyEvidence {
  if (schemaVersion >= 3 && isEvidence(evidence)) return evidence;
  if (schemaVersion < 3 && isObject(evidence)) return decodeFormer(evidence);
  throw new DamagedError(`record.json does not have the form of a record (at keys.${kind}.evidence)`);
}

/** True where the record takes what schemaVersion 2 brought: the anchor of the audit log, and an accepted clock. */
export function takesAnchor({ schemaVersion }: Versioned): boolean {
  return schemaVersion >= 2;
}

/** True of a record that an older build wrote, and no `init` has migrated yet: it takes none of the newer fields. */
export function isOlder({ schemaVersion }: Versioned): boolean {
  return schemaVersion < SCHEMA_VERSION;
}

function encodeRecord(record: InstallationRecord): Uint8Array {
  const keys = Object.entries(record.keys).map(([kind, key]) => [
    kind,
    { ...key, evidence: record.schemaVersion < 3 ? encodeFormer(key.evidence) : key.evidence },
  ]);
  return utf8(`${JSON.stringify({ ...record, keys: Object.fromEntries(keys) }, undefined, 2)}\n`);
}

export function recordObject(ref: ObjectRef, record: InstallationRecord, toolVersion: string): NewObject {
  return {
    ref,
    type: undefined,
    immutable: false,
    labels: labels(record.installationId, RECORD_KEY),
    annotations: annotations(toolVersion),
    data: { 'record.json': encodeRecord(record) },
  };
}

/** Never two active versions, nor none, and no number twice. */
function checkVersions(kind: string, versions: readonly VersionRecord[]): void {
  const rising = versions.every(({ n }, index) => index === 0 || n > (versions[index - 1]?.n ?? 0));
  const active = versions.filter(({ state }) => state === 'active');
  if (!rising || active.length !== 1) throw new DamagedError(`record.json contradicts itself (at keys.${kind})`);
}

function recordedSpec(value: unknown): InstallationSpec {
  try {
    return validateSpec(value, 'the record', true);
  } catch (error) {
    if (error instanceof PaletteKeysError) throw new DamagedError('record.json holds a spec that is not valid');
    throw error;
  }
}

function tooNew(found: number): PaletteKeysError {
  return new PaletteKeysError(
    'RECORD_TOO_NEW',
    `the installation's record has schemaVersion ${found}; this program knows versions up to ${SCHEMA_VERSION}`,
    { hint: 'use the palette-keys that wrote it, or a newer one; nothing was changed' },
  );
}
