/** Installations to test with, and their objects as files. */
import { createHash, hkdfSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { fileWith, newPath, type Outcome, run, runWell, script } from '../../support/program.ts';

/** The names that this installation's tests meet again and again. */
export const PLATFORM = 'hubble-system';
export const LEDGER = 'palette-keys-system';
export const RECORD = `ConfigMap/${LEDGER}/palette-keys-installation`;
export const AUDIT = `ConfigMap/${LEDGER}/palette-keys-audit`;

/** Parts of a spec; JSON is YAML. */
export type SpecParts = Readonly<Record<string, unknown>>;

/** A spec whose keys are made quickly: one service, small CAs. */
export const SMALL: SpecParts = {
  internalCA: { keySize: 2048 },
  clusterCA: { keySize: 2048 },
  serviceCertificates: { services: [{ name: 'auth' }] },
  messageBus: {},
};

export function specText(parts: SpecParts = SMALL): string {
  return `${JSON.stringify({ apiVersion: 'palette-keys/v1', kind: 'Installation', ...parts }, undefined, 2)}\n`;
}

/** A file with that spec; returns its path. */
export function specFile(parts: SpecParts = SMALL): string {
  return fileWith(specText(parts));
}

/** Makes an installation, and returns its folder. */
export async function install(parts: SpecParts | undefined = SMALL): Promise<string> {
  const folder = newPath();
  await runWell(['init', '--dir', folder, '--config', specFile(parts)]);
  return folder;
}

/** Runs verify-installation.mjs on a folder. */
export function verifyInstallation(folder: string): Promise<Outcome> {
  return run([folder], { program: script(new URL('../../support/verify-installation.mjs', import.meta.url)) });
}

/** One manifest, with its entries as bytes. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly type?: string;
  readonly immutable?: boolean;
  readonly data: Readonly<Record<string, Buffer>>;
}

/** The file of `Secret/<namespace>/<name>`, inside the folder. */
export function fileOf(ref: string): string {
  const [kind, namespace, name] = ref.split('/');
  return `${namespace}/${kind === 'Secret' ? 'secrets' : 'configmaps'}/${name}.yaml`;
}

export function pathOf(folder: string, ref: string): string {
  return path.join(folder, fileOf(ref));
}

export function readObject(folder: string, ref: string): Manifest {
  const object = parse(readFileSync(pathOf(folder, ref), 'utf8')) as Manifest & { data: Record<string, string> };
  const encoding = object.kind === 'Secret' ? 'base64' : 'utf8';
  return {
    ...object,
    data: Object.fromEntries(Object.entries(object.data).map(([k, v]) => [k, Buffer.from(v, encoding)])),
  };
}

export function writeObject(folder: string, ref: string, object: Manifest): void {
  const encoding = object.kind === 'Secret' ? 'base64' : 'utf8';
  const data = Object.fromEntries(Object.entries(object.data).map(([k, v]) => [k, v.toString(encoding)]));
  writeFileSync(pathOf(folder, ref), stringify({ ...object, data }, { lineWidth: 0 }), { mode: 0o600 });
}

/** Changes entries of an object; undefined takes one away. */
export function editEntries(
  folder: string,
  ref: string,
  change: (data: Readonly<Record<string, Buffer>>) => Readonly<Record<string, Buffer | string | undefined>>,
): void {
  const object = readObject(folder, ref);
  const changed = Object.entries({ ...object.data, ...change(object.data) });
  const data = changed.flatMap(([k, v]) => (v === undefined ? [] : [[k, Buffer.from(v)] as const]));
  writeObject(folder, ref, { ...object, data: Object.fromEntries(data) });
}

/** An entry as text. */
export function entryOf(folder: string, ref: string, name: string): string {
  const bytes = readObject(folder, ref).data[name];
  if (bytes === undefined) throw new Error(`${ref} has no entry ${name}`);
  return bytes.toString();
}

/** The kid of a symmetric key: base32 of the first 10 bytes of SHA-256 over HKDF-SHA256 of it (contract, section 3). */
function kidOfSecret(kind: string, key: Uint8Array): string {
  const derived = Buffer.from(hkdfSync('sha256', key, '', `palette-keys/kid/${kind}`, 32));
  const bits = [...createHash('sha256').update(derived).digest().subarray(0, 10)]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('');
  return (bits.match(/.{5}/g) ?? [])
    .map((five) => 'abcdefghijklmnopqrstuvwxyz234567'[Number.parseInt(five, 2)])
    .join('');
}

/** The entries of `palette-root-key` for another key: well-formed, and explained by no ledger entry. */
export function foreignRootKey(key: Uint8Array): Readonly<Record<string, Buffer | string>> {
  const kid = kidOfSecret('root-key', key);
  const jwk = { kty: 'oct', kid, alg: 'A256GCM', state: 'active', k: Buffer.from(key).toString('base64url') };
  return { key: Buffer.from(key), kid, 'keyring.json': JSON.stringify({ active: kid, keys: [jwk] }) };
}

/** What the tests read of the record. */
export interface StoredRecord {
  readonly installationId: string;
  readonly generation: number;
  readonly ready: boolean;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly keys: Readonly<Record<string, { readonly versions: readonly StoredVersion[] }>>;
}

interface StoredVersion {
  readonly n: number;
  readonly kid: string;
  readonly state: string;
  readonly history: readonly { readonly state: string; readonly at: string }[];
}

export function readRecord(folder: string, ref = RECORD): StoredRecord {
  return JSON.parse(entryOf(folder, ref, 'record.json')) as StoredRecord;
}

/** The documents of one run. */
export interface Finding {
  readonly code: string;
  readonly severity: string;
  readonly subject: string;
  readonly message: string;
  readonly remedy: string;
}

export interface InitResult {
  readonly apiVersion: string;
  readonly kind: string;
  readonly installationId: string | null;
  readonly dryRun: boolean;
  readonly steps: readonly {
    readonly action: string;
    readonly object: string;
    readonly key: string;
    readonly kid?: string;
    readonly reason?: string;
  }[];
  readonly counts: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
  readonly [field: string]: unknown;
}

/** The steps of a document that are more than keeping. */
export function doings({ steps }: InitResult): readonly string[] {
  return steps.filter(({ action }) => action !== 'keep').map(({ action, object }) => `${action} ${object}`);
}

export function codesOf({ findings }: { readonly findings: readonly Finding[] }): readonly string[] {
  return [...new Set(findings.map(({ code }) => code))];
}
