import type { Entries, NewObject } from '../../../ports/key-store.ts';
import { formatRef } from '../../../ports/object-ref.ts';
import { type JsonObject, objectAt } from '../json.ts';
import type { Replaceable } from './seen.ts';

export function encodeNew(object: NewObject): JsonObject {
  const { ref, labels, annotations, type } = object;
  const { namespace, name } = ref;
  return {
    apiVersion: 'v1',
    kind: ref.kind,
    metadata: { name, namespace, labels, annotations },
    ...(type === undefined ? {} : { type }),
    ...contents(object),
  };
}

/**
 * uid and resourceVersion are the precondition; what others put there stays. A merge patch would need RBAC for `patch`,
 * and an older API server drops what it does not know.
 */
export function encodeReplacement(current: Replaceable, object: NewObject): JsonObject {
  const { data: _, binaryData, ...rest } = current.json;
  const { labels, annotations } = object;
  return {
    ...rest,
    metadata: { ...objectAt(rest, 'metadata'), labels, annotations },
    ...contents(object),
    ...(binaryData === undefined ? {} : { binaryData: without(binaryData, object.data) }),
  };
}

function contents(object: NewObject): JsonObject {
  const { ref, type, immutable, data } = object;
  if ((ref.kind === 'Secret') !== (type !== undefined)) {
    throw new Error(`${formatRef(ref)}: Secrets, and only they, have a type`);
  }
  const texts = Object.entries(data).map(([name, bytes]) => [
    name,
    ref.kind === 'Secret' ? toBase64(bytes) : text(object, bytes),
  ]);
  return { ...(immutable ? { immutable } : {}), data: Object.fromEntries(texts) };
}

/** A name stands in data or in binaryData, never in both; ours goes first. */
function without(binaryData: unknown, data: Entries): JsonObject {
  const others = Object.entries(objectAt({ binaryData }, 'binaryData')).filter(([name]) => !Object.hasOwn(data, name));
  return Object.fromEntries(others);
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function text({ ref }: NewObject, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error(`${formatRef(ref)}: an entry is not UTF-8`);
  }
}
