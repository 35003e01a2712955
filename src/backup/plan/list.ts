import { DamagedError } from '../../errors.ts';
import { MOST_IN_BACKUP } from '../../ledger/bounds.ts';
import { isObject } from '../../ledger/text.ts';
import type { Entries, NewObject, StoredObject } from '../../ports/key-store.ts';
import type { ObjectRef } from '../../ports/object-ref.ts';

/** A v1 `List` as JSON, which `kubectl create -f -` takes as it is. Server-side metadata is left out. */
export function encodeList(namespaces: readonly string[], objects: readonly NewObject[]): Uint8Array {
  const items = [
    ...namespaces.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
    ...objects.map(manifest),
  ];
  return Buffer.from(`${JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, undefined, 1)}\n`, 'utf8');
}

function manifest({ ref, type, immutable, labels, annotations, data }: NewObject) {
  const isSecret = ref.kind === 'Secret';
  const encode = (bytes: Uint8Array): string => Buffer.from(bytes).toString(isSecret ? 'base64' : 'utf8');
  return {
    apiVersion: 'v1',
    kind: ref.kind,
    metadata: { name: ref.name, namespace: ref.namespace, labels, annotations },
    ...(type === undefined ? {} : { type }),
    ...(immutable ? { immutable } : {}),
    data: Object.fromEntries(Object.entries(data).map(([name, bytes]) => [name, encode(bytes)])),
  };
}

/** As it stands in a backup: nothing of it is to be trusted. */
export interface BackupList {
  readonly namespaces: readonly string[];
  readonly objects: readonly StoredObject[];
}

/** Reads what `encodeList` wrote, or an equal List of somebody else's making. Throws DamagedError, quoting nothing. */
export function decodeList(plain: Uint8Array): BackupList {
  const list = parse(plain);
  if (!isObject(list) || list['kind'] !== 'List' || !Array.isArray(list['items'])) {
    throw new DamagedError('it does not hold a List of Kubernetes objects');
  }
  if (list['items'].length > MOST_IN_BACKUP.items) {
    throw new DamagedError(`it holds more than ${MOST_IN_BACKUP.items} objects`);
  }
  const items = list['items'].map((item: unknown): unknown => item).filter(isObject);
  if (items.length !== list['items'].length) throw new DamagedError('an item of the List is not an object');
  const isNamespace = (item: Readonly<Record<string, unknown>>): boolean => item['kind'] === 'Namespace';
  return {
    namespaces: items.filter(isNamespace).map((item) => text(metadataOf(item), 'name')),
    objects: items.filter((item) => !isNamespace(item)).map(objectOf),
  };
}

function parse(plain: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plain));
  } catch {
    throw new DamagedError('it does not hold JSON');
  }
}

function objectOf(item: Readonly<Record<string, unknown>>): StoredObject {
  const { kind, type, immutable } = item;
  if (kind !== 'Secret' && kind !== 'ConfigMap')
    throw new DamagedError('it holds an object that is no Secret or ConfigMap');
  const metadata = metadataOf(item);
  const ref: ObjectRef = { kind, namespace: text(metadata, 'namespace'), name: text(metadata, 'name') };
  return {
    ref,
    type: typeof type === 'string' ? type : undefined,
    immutable: immutable === true,
    labels: texts(metadata['labels']),
    annotations: texts(metadata['annotations']),
    data: kind === 'Secret' ? secretData(item['data']) : configData(item['data']),
    version: '',
  };
}

function metadataOf(item: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { metadata } = item;
  if (!isObject(metadata)) throw new DamagedError('an object has no metadata');
  return metadata;
}

function text(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string' || !/^[a-z0-9][a-z0-9.-]{0,252}$/.test(value))
    throw new DamagedError(`an object has no ${name}`);
  return value;
}

function texts(value: unknown): Readonly<Record<string, string>> {
  const found = Object.entries(isObject(value) ? value : {});
  const sound = found.filter((field): field is [string, string] => typeof field[1] === 'string');
  if (sound.length !== found.length) throw new DamagedError('a label, annotation or entry is not a text');
  // As long as it is written: base64 takes four characters for three bytes.
  if (sound.some(([, { length }]) => length > (MOST_IN_BACKUP.entry * 4) / 3 + 4)) {
    throw new DamagedError('a label, annotation or entry is larger than 1 MiB');
  }
  return Object.fromEntries(sound);
}

function secretData(value: unknown): Entries {
  const entries = Object.entries(texts(value)).map(([name, base64]): [string, Uint8Array] => {
    const bytes = Buffer.from(base64, 'base64');
    if (bytes.toString('base64') !== base64) throw new DamagedError('an entry of a Secret is not base64');
    return [name, Uint8Array.from(bytes)];
  });
  return Object.fromEntries(entries);
}

function configData(value: unknown): Entries {
  return Object.fromEntries(
    Object.entries(texts(value)).map(([name, content]) => [name, Buffer.from(content, 'utf8')]),
  );
}
