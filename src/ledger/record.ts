import * as z from 'zod/mini';
import { KID_PATTERN } from '../crypto/kid.ts';
import { DamagedError, PaletteKeysError } from '../errors.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import { validateSpec } from '../installation/validate.ts';
import type { Entries, NewObject } from '../ports/key-store.ts';
import type { ObjectRef } from '../ports/object-ref.ts';
import { MOST } from './bounds.ts';
import { isTime, type KindId } from './entry.ts';
import { annotations, labels } from './metadata.ts';
import { STATES } from './ring.ts';
import { isObject, jsonEntry, utf8 } from './text.ts';

/** What this program writes, and the newest that it understands. */
export const SCHEMA_VERSION = 1;

const text = z.string().check(z.maxLength(MOST.text));
const time = z.string().check(z.refine(isTime));
const kid = z.string().check(z.regex(KID_PATTERN));
const fingerprint = z.string().check(z.regex(/^SHA256:[0-9a-f]{64}$/));

const version = z.strictObject({
  n: z.int().check(z.minimum(1), z.maximum(MOST.number)),
  kid,
  state: z.enum(STATES),
  createdAt: time,
  /** When the state was entered. */
  since: time,
  history: z.array(z.strictObject({ state: z.enum(STATES), at: time })).check(z.maxLength(MOST.history)),
  fingerprint: z.optional(fingerprint),
  notAfter: z.optional(time),
  /** Backups that hold this version. */
  backups: z
    .array(
      z.strictObject({
        file: text,
        sha256: text,
        at: time,
        recipients: z.array(text).check(z.maxLength(MOST.recipients)),
      }),
    )
    .check(z.maxLength(MOST.backups)),
});

const schema = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  installationId: z.string().check(z.regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/)),
  createdAt: time,
  spec: z.unknown(),
  generation: z.int().check(z.minimum(1), z.maximum(MOST.number)),
  keys: z.record(
    z.string(),
    z.strictObject({
      versions: z.array(version).check(z.maxLength(MOST.versions)),
      evidence: z.record(z.string(), z.unknown()),
    }),
  ),
  ready: z.boolean(),
});

export type VersionRecord = Readonly<z.infer<typeof version>>;

/** When a version last became the active one. */
export function activeSinceOf({ history }: VersionRecord): string | undefined {
  return history.findLast(({ state }) => state === 'active')?.at;
}

/** The versions of one kind, by rising n, and what was observed about the transitions between their states. */
export interface KeyRecord {
  readonly versions: readonly VersionRecord[];
  readonly evidence: Readonly<Record<string, unknown>>;
}

/**
 * The installation's record: the only place where states live. It holds no secrets. `generation` rises with every
 * change of spec or states; `ready` is false from then until all projections show that change.
 */
export interface InstallationRecord {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  readonly installationId: string;
  readonly createdAt: string;
  readonly spec: InstallationSpec;
  readonly generation: number;
  readonly keys: Readonly<Record<KindId, KeyRecord>>;
  readonly ready: boolean;
}

/** Reads entry `record.json`. Throws DamagedError, or RECORD_TOO_NEW for one of a later schemaVersion. */
export function decodeRecord(entries: Entries): InstallationRecord {
  const json = jsonEntry(entries, 'record.json');
  const schemaVersion = isObject(json) ? json['schemaVersion'] : undefined;
  if (typeof schemaVersion === 'number' && schemaVersion > SCHEMA_VERSION) throw tooNew(schemaVersion);
  const parsed = schema.safeParse(json, { jitless: true });
  if (!parsed.success) {
    const path = parsed.error.issues[0]?.path.join('.') ?? '';
    throw new DamagedError(`record.json does not have the form of a record (at ${path === '' ? 'its top' : path})`);
  }
  for (const [kind, { versions }] of Object.entries(parsed.data.keys)) checkVersions(kind, versions);
  return { ...parsed.data, spec: recordedSpec(parsed.data.spec) };
}

function encodeRecord(record: InstallationRecord): Uint8Array {
  return utf8(`${JSON.stringify(record, undefined, 2)}\n`);
}

export function recordObject(ref: ObjectRef, record: InstallationRecord, toolVersion: string): NewObject {
  return {
    ref,
    type: undefined,
    immutable: false,
    labels: labels(record.installationId, 'installation-record'),
    annotations: annotations(toolVersion),
    data: { 'record.json': encodeRecord(record) },
  };
}

/** Never two active versions, nor none, and no number twice. */
function checkVersions(kind: KindId, versions: readonly VersionRecord[]): void {
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
