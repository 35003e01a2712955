import { sha256Hex } from '../crypto/digest.ts';
import { DamagedError, PaletteKeysError } from '../errors.ts';
import { AUDIT_NAME, RECORD_NAME } from '../installation/names.ts';
import { validateSpec } from '../installation/parse/validate.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import type { Entries, FoundObject, StoredObject } from '../ports/key-store.ts';
import type { ObjectRef } from '../ports/object-ref.ts';
import { ANNOTATION } from './metadata.ts';
import { isObject, jsonEntry, utf8 } from './text.ts';

/** Entry of the audit log's ConfigMap: a copy of the spec, for a record that is lost. */
const SPEC_ENTRY = 'spec.json';

export function specCopy(spec: InstallationSpec): Entries {
  return { [SPEC_ENTRY]: utf8(`${JSON.stringify(spec)}\n`) };
}

/** SHA-256 (hex) of a spec. The first root key carries it, until a record holds the whole spec. */
export function specDigest(spec: InstallationSpec): string {
  return sha256Hex(utf8(JSON.stringify(spec)));
}

/** The digest that the first root key carries; undefined where an older build made it, or somebody took it off. */
export function firstSpecDigest(objects: readonly FoundObject[]): string | undefined {
  return firstRootKey(objects)?.annotations[ANNOTATION.spec];
}

/** The ledger entry of the first root key, which decides whose installation it is. */
export function firstRootKey(objects: readonly FoundObject[]): StoredObject | undefined {
  const isFirst = ({ kind, name }: ObjectRef): boolean => kind === 'Secret' && name.endsWith('key-root-key-v1');
  return objects.find((object): object is StoredObject => object.damage === undefined && isFirst(object.ref));
}

/** From the copy beside the audit log, else from the rest of the record. Undefined where neither holds a valid one. */
export function specWithoutRecord(objects: readonly FoundObject[]): InstallationSpec | undefined {
  return specIn(objects, AUDIT_NAME, (data) => jsonEntry(data, SPEC_ENTRY)) ?? specIn(objects, RECORD_NAME, specOf);
}

function specOf(data: Entries): unknown {
  const record = jsonEntry(data, 'record.json');
  return isObject(record) ? record['spec'] : undefined;
}

function specIn(
  objects: readonly FoundObject[],
  name: string,
  read: (data: Entries) => unknown,
): InstallationSpec | undefined {
  const found = objects.find(({ ref }) => ref.kind === 'ConfigMap' && ref.name === name);
  if (found === undefined || found.damage !== undefined) return undefined;
  try {
    return validateSpec(read(found.data), name, true);
  } catch (error) {
    if (error instanceof DamagedError || error instanceof PaletteKeysError) return undefined;
    throw error;
  }
}
