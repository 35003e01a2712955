import type { Entries, NewObject } from '../../../ports/key-store.ts';
import { formatRef } from '../../../ports/object-ref.ts';
import { MAX_BYTES } from '../layout.ts';
import { type Block, writeYaml } from './write-yaml.ts';

/** Kubernetes' limit on all values together; above it, `kubectl create` would refuse the file. */
const MAX_DATA = 1024 * 1024;

/** The manifest's bytes. The same object always gives the same bytes, so that a file's digest is its version. */
export function writeManifest(object: NewObject): Uint8Array {
  const { ref, type, immutable, labels, annotations, data } = object;
  const size = Object.values(data).reduce((sum, value) => sum + value.length, 0);
  if (size > MAX_DATA) throw new Error(`${formatRef(ref)}: its values are larger than 1 MiB`);
  if ((ref.kind === 'Secret') !== (type !== undefined))
    throw new Error(`${formatRef(ref)}: Secrets, and only they, have a type`);
  const block: Block = [
    ['apiVersion', 'v1'],
    ['kind', ref.kind],
    [
      'metadata',
      [
        ['name', ref.name],
        ['namespace', ref.namespace],
        ...texts('labels', labels),
        ...texts('annotations', annotations),
      ],
    ],
    ...(type === undefined ? [] : ([['type', type]] as const)),
    ...(immutable ? ([['immutable', true]] as const) : []),
    ...texts('data', ref.kind === 'Secret' ? encoded(data) : decoded(object)),
  ];
  const bytes = new TextEncoder().encode(writeYaml(block));
  // Text full of control characters grows when it is escaped; what could not be read again is not written.
  if (bytes.length > MAX_BYTES) throw new Error(`${formatRef(ref)}: its manifest is larger than 1.5 MiB`);
  return bytes;
}

/** An empty mapping is left out, as kubectl does. */
function texts(key: string, values: Readonly<Record<string, string>>): Block {
  const entries = Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? [] : [[key, entries]];
}

function encoded(data: Entries): Readonly<Record<string, string>> {
  return map(data, (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'));
}

function decoded({ ref, data }: NewObject): Readonly<Record<string, string>> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  return map(data, (bytes) => {
    try {
      return decoder.decode(bytes);
    } catch {
      throw new Error(`${formatRef(ref)}: an entry is not UTF-8`);
    }
  });
}

function map(data: Entries, change: (bytes: Uint8Array) => string): Readonly<Record<string, string>> {
  const changed = Object.entries(data).map(([name, bytes]) => {
    if (!isEntryName(name)) throw new Error(`not an entry's name: ${JSON.stringify(name)}`);
    return [name, change(bytes)] as const;
  });
  return Object.fromEntries(changed);
}

/** As Kubernetes takes them. */
export function isEntryName(name: string): boolean {
  return /^[-._a-zA-Z0-9]{1,253}$/.test(name) && name !== '.' && !name.startsWith('..');
}
