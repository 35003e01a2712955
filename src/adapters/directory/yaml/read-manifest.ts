import type { Entries, NewObject } from '../../../ports/key-store.ts';
import type { ObjectKind, ObjectRef } from '../../../ports/object-ref.ts';
import { type Field, type Fields, YamlFile } from './read-yaml.ts';
import { isEntryName } from './write-manifest.ts';

/** What the API server adds, and `kubectl get -o yaml` shows: it says nothing about keys. */
const SERVER_SIDE: ReadonlySet<string> = new Set([
  'creationTimestamp',
  'generation',
  'managedFields',
  'resourceVersion',
  'selfLink',
  'uid',
]);

const METADATA: ReadonlySet<string> = new Set([...SERVER_SIDE, 'name', 'namespace', 'labels', 'annotations']);

const TOP: Readonly<Record<ObjectKind, ReadonlySet<string>>> = {
  Secret: new Set(['apiVersion', 'kind', 'metadata', 'type', 'immutable', 'data', 'stringData']),
  ConfigMap: new Set(['apiVersion', 'kind', 'metadata', 'immutable', 'data', 'binaryData']),
};

/** What Kubernetes takes a Secret for that does not say. */
const DEFAULT_TYPE = 'Opaque';

/** Reads any YAML that means the object of `ref`, however it is written. A DamagedError says why it does not. */
export function readManifest(ref: ObjectRef, bytes: Uint8Array): NewObject {
  const file = new YamlFile(bytes);
  const [document, second] = file.documents;
  if (document === undefined) throw file.damaged('is empty');
  if (second !== undefined) throw file.damaged('holds several documents', second.contents);
  const top = file.fields(document.contents, 'the document');
  expectText(file, top, 'apiVersion', 'v1');
  expectText(file, top, 'kind', ref.kind);
  refuseOthers(file, top, TOP[ref.kind], 'the document');
  refuse(file, top, 'stringData');
  refuse(file, top, 'binaryData');

  const metadata = file.fields(top.get('metadata')?.value ?? null, 'metadata');
  refuseOthers(file, metadata, METADATA, 'metadata');
  expectText(file, metadata, 'name', ref.name);
  expectText(file, metadata, 'namespace', ref.namespace);

  const immutable = given(top, 'immutable');
  return {
    ref,
    type: ref.kind === 'Secret' ? secretType(file, given(top, 'type')) : undefined,
    immutable: immutable !== undefined && file.boolean(immutable, 'immutable'),
    labels: texts(file, metadata, 'labels'),
    annotations: texts(file, metadata, 'annotations'),
    data: entries(file, top, ref.kind),
  };
}

function secretType(file: YamlFile, field: Field | undefined): string {
  return field === undefined ? DEFAULT_TYPE : file.text(field, 'type');
}

/** null is as good as absent, in Kubernetes as well. */
function given(fields: Fields, key: string): Field | undefined {
  const field = fields.get(key);
  return field?.value === null ? undefined : field;
}

function expectText(file: YamlFile, fields: Fields, key: string, expected: string): void {
  const field = given(fields, key);
  if (field === undefined) throw file.damaged(`has no ${key}`);
  if (file.text(field, key) !== expected) throw file.damaged(`has another ${key} than belongs here`, field.value);
}

function refuseOthers(file: YamlFile, fields: Fields, known: ReadonlySet<string>, what: string): void {
  for (const [key, field] of fields) {
    if (!known.has(key)) throw file.damaged(`${what} has a field that does not belong there`, field.key);
  }
}

function refuse(file: YamlFile, fields: Fields, key: string): void {
  const field = given(fields, key);
  if (field !== undefined) throw file.damaged(`has ${key}, which is not read: use data`, field.key);
}

function texts(file: YamlFile, fields: Fields, key: string): Readonly<Record<string, string>> {
  const field = given(fields, key);
  if (field === undefined) return {};
  const found = [...file.fields(field.value, key)];
  return Object.fromEntries(found.map(([name, value]) => [name, file.text(value, `a value of ${key}`)]));
}

function entries(file: YamlFile, top: Fields, kind: ObjectKind): Entries {
  const field = given(top, 'data');
  if (field === undefined) return {};
  const found = [...file.fields(field.value, 'data')].map(([name, value]) => {
    if (!isEntryName(name)) throw file.damaged('data has an entry whose name is not allowed', value.key);
    const text = file.text(value, 'an entry of data');
    const bytes = kind === 'Secret' ? fromBase64(text) : new TextEncoder().encode(text);
    if (bytes === undefined)
      throw file.damaged('data has an entry that is not base64 (RFC 4648, on one line)', value.value);
    return [name, bytes] as const;
  });
  return Object.fromEntries(found);
}

/** Node skips what is not base64; a key that has lost a character must not be taken for another key. */
function fromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined;
}
