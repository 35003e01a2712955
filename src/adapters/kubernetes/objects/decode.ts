import type { Entries, StoredObject } from '../../../ports/key-store.ts';
import type { ObjectKind } from '../../../ports/object-ref.ts';
import { Garbled } from '../api/client.ts';
import { type JsonObject, objectAt, textAt, textsOf } from '../json.ts';

export interface Expected {
  readonly kind: ObjectKind;
  readonly namespace: string;
  /** Undefined for an item of a list. */
  readonly name: string | undefined;
}

/** An object as the server has it: what we model, and all of it, so that a replacement loses nothing. */
export interface RawObject {
  readonly stored: StoredObject;
  readonly uid: string;
  readonly json: JsonObject;
  /** Somebody has deleted it; finalizers keep it for a while. */
  readonly isTerminating: boolean;
}

/** The API server stores well-formed objects alone: what does not fit means a broken answer, never 'damaged'. */
export function decodeObject(json: JsonObject, { kind, namespace, name }: Expected): RawObject {
  const metadata = objectAt(json, 'metadata');
  // Items of a list do not say their kind.
  const said = textAt(json, 'kind') ?? (name === undefined ? kind : undefined);
  const itsName = textAt(metadata, 'name');
  if (said !== kind || itsName === undefined || textAt(metadata, 'namespace') !== namespace) {
    throw new Garbled('it holds something else than what was asked for');
  }
  if (name !== undefined && itsName !== name) throw new Garbled('it holds another object than what was asked for');
  const uid = textAt(metadata, 'uid');
  const resourceVersion = textAt(metadata, 'resourceVersion');
  const labels = textsOf(metadata['labels']);
  const annotations = textsOf(metadata['annotations']);
  const texts = textsOf(json['data']);
  if (!uid || !resourceVersion || labels === undefined || annotations === undefined || texts === undefined) {
    throw new Garbled('it holds an object that is not whole');
  }
  const stored: StoredObject = {
    ref: { kind, namespace, name: itsName },
    type: kind === 'Secret' ? (textAt(json, 'type') ?? 'Opaque') : undefined,
    immutable: json['immutable'] === true,
    labels,
    annotations,
    data: entries(kind, texts),
    version: `${uid}/${resourceVersion}`,
  };
  return { stored, uid, json, isTerminating: metadata['deletionTimestamp'] !== undefined };
}

function entries(kind: ObjectKind, texts: Readonly<Record<string, string>>): Entries {
  const read = kind === 'Secret' ? fromBase64 : (text: string) => new TextEncoder().encode(text);
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, read(text)]));
}

/** Node skips what is not base64; a key that has lost a character must not be taken for another key. */
function fromBase64(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new Garbled('it holds an entry that is not base64');
  return new Uint8Array(bytes);
}
