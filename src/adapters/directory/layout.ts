import type { ObjectKind, ObjectRef } from '../../ports/object-ref.ts';
import type { FileSystem } from './files.ts';
import type { ProcessIdentity } from './lock/process-identity.ts';

export interface Place {
  readonly root: string;
  readonly files: FileSystem;
  readonly self: ProcessIdentity;
}

/** The name sorts first, so that `kubectl create -R` makes the namespaces before what goes into them. */
export const NAMESPACES_FILE = '00-namespaces.yaml';
export const GITIGNORE = '.gitignore';
export const LOCK = '.lock';

export const KINDS: readonly ObjectKind[] = ['ConfigMap', 'Secret'];
const FOLDERS: Readonly<Record<ObjectKind, string>> = { Secret: 'secrets', ConfigMap: 'configmaps' };
const EXTENSION = '.yaml';

/** A manifest above this can be none: Kubernetes takes 1 MiB of data, which base64 makes a third longer. */
export const MAX_BYTES = 1.5 * 1024 * 1024;

export const FILE_MODE = 0o600;
export const FOLDER_MODE = 0o700;

export function inside(folder: string, name: string): string {
  return folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`;
}

/** Without the slashes (and dots) at its end: lstat would follow a symlink that has one there. */
export function withoutTrailingSlashes(path: string): string {
  let end = path.length;
  while (end > 1 && (path[end - 1] === '/' || path.slice(end - 2, end) === '/.')) end -= 1;
  return path.slice(0, end);
}

export function namespaceFolder(root: string, namespace: string): string {
  if (!isNamespaceName(namespace)) throw new Error(`not a namespace's name: ${JSON.stringify(namespace)}`);
  return inside(root, namespace);
}

export function kindFolder(root: string, namespace: string, kind: ObjectKind): string {
  return inside(namespaceFolder(root, namespace), FOLDERS[kind]);
}

/** Names come from the spec and from folders; none of them may lead out of the store. */
export function pathOf(root: string, ref: ObjectRef): string {
  if (!isObjectName(ref.name)) throw new Error(`not an object's name: ${JSON.stringify(ref.name)}`);
  return inside(kindFolder(root, ref.namespace, ref.kind), `${ref.name}${EXTENSION}`);
}

export function folderName(kind: ObjectKind): string {
  return FOLDERS[kind];
}

/** undefined: not a manifest of ours, such as an editor's backup. */
export function objectName(file: string): string | undefined {
  const name = file.endsWith(EXTENSION) ? file.slice(0, -EXTENSION.length) : '';
  return isObjectName(name) ? name : undefined;
}

/** A DNS label (RFC 1123). */
export function isNamespaceName(name: string): boolean {
  return name.length <= 63 && /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(name);
}

/** A DNS subdomain (RFC 1123). */
function isObjectName(name: string): boolean {
  return name.length <= 253 && name.split('.').every((label) => /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(label));
}
