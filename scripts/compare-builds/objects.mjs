// The objects of a folder: changed past the program for a scenario.
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';

export const LEDGER = 'palette-keys-system';
export const PLATFORM = 'hubble-system';
const RECORD = `ConfigMap/${LEDGER}/palette-keys-installation`;

/** The file of `Secret/<namespace>/<name>`. */
export function fileOf(keys, ref) {
  const [kind, namespace, name] = ref.split('/');
  return path.join(keys, namespace, kind === 'Secret' ? 'secrets' : 'configmaps', `${name}.yaml`);
}

export function remove(keys, ...refs) {
  for (const ref of refs) rmSync(fileOf(keys, ref));
}

/** Changes the text of an object's file. */
export function editText(keys, ref, change) {
  const file = fileOf(keys, ref);
  write(file, change(readFileSync(file, 'utf8')));
}

/** Changes the manifest of an object. */
export function edit(keys, ref, change) {
  editText(keys, ref, (text) => {
    const object = parse(text);
    change(object);
    return stringify(object, { lineWidth: 0 });
  });
}

/** Puts the entries of the same object of another installation in, as an administrator who mixed two up would. */
export function transplant(keys, ref, from) {
  const { data } = parse(readFileSync(fileOf(from, ref), 'utf8'));
  edit(keys, ref, (object) => {
    object.data = data;
  });
}

export function readRecord(keys) {
  return JSON.parse(parse(readFileSync(fileOf(keys, RECORD), 'utf8')).data['record.json']);
}

export function editRecord(keys, change) {
  const record = readRecord(keys);
  change(record);
  edit(keys, RECORD, (object) => {
    object.data['record.json'] = `${JSON.stringify(record, undefined, 2)}\n`;
  });
}

function write(file, text) {
  writeFileSync(file, text);
  chmodSync(file, 0o600);
}
