import { PaletteKeysError } from '../../errors.ts';
import type { FileStatus } from './files.ts';
import { folderName, GITIGNORE, isNamespaceName, KINDS, LOCK, NAMESPACES_FILE, type Place } from './layout.ts';
import { isGuardName } from './lock/lock-file.ts';
import { readSmallFile } from './read-file.ts';
import { parseTempName } from './temp-file.ts';

export interface RootEntry {
  readonly name: string;
  readonly path: string;
  readonly status: FileStatus;
  /** Of a folder with a namespace's name. */
  readonly children: readonly string[];
}

/** What the store's `.gitignore` holds: no key is ever to be committed by mistake. */
export const IGNORE_ALL = '*\n';

/**
 * Whether a folder is a store, or may become one, so that `--dir .` in somebody's repository sows nothing there.
 * It is if nothing else is in it (also after a first run that was cut off), and if it has two of: our list of namespaces,
 * our .gitignore, folders shaped like ours; whatever else people put there. One of those proves nothing: a tool's cache
 * has a .gitignore like ours, and a repository of manifests may well have a file of that name.
 */
export async function recognise(place: Place, entries: readonly RootEntry[]): Promise<boolean> {
  const listed = entries.some((entry) => entry.name === NAMESPACES_FILE);
  const ignored = await hasOurGitignore(place, entries);
  const shaped = entries.filter(isShapedAsNamespace);
  const others = entries.filter(
    (entry) => !isOwnFile(entry.name) && !shaped.includes(entry) && entry.name !== 'lost+found',
  );
  const foreignIgnore = !ignored && entries.some((entry) => entry.name === GITIGNORE && entry.status.kind === 'file');
  if (others.length === 0 && !foreignIgnore) return listed || ignored || shaped.length === 0;
  const holdsObjects = shaped.some((entry) => entry.children.length > 0);
  return [listed, ignored, holdsObjects].filter(Boolean).length >= 2;
}

/** Files at the top that we write, or wrote and could not remove any more. */
export function isOwnFile(name: string): boolean {
  return [NAMESPACES_FILE, GITIGNORE, LOCK].includes(name) || isGuardName(name) || parseTempName(name) !== undefined;
}

const KIND_FOLDERS: readonly string[] = KINDS.map(folderName);

/** A symlink counts: that it is unsafe is said by another check, and says more than 'this is not a store'. */
function isShapedAsNamespace(entry: RootEntry): boolean {
  if (!isNamespaceName(entry.name)) return false;
  if (entry.status.kind === 'symlink') return true;
  return entry.status.kind === 'folder' && entry.children.every((child) => KIND_FOLDERS.includes(child));
}

async function hasOurGitignore(place: Place, entries: readonly RootEntry[]): Promise<boolean> {
  const entry = entries.find(({ name }) => name === GITIGNORE);
  if (entry?.status.kind !== 'file' || entry.status.size !== IGNORE_ALL.length) return false;
  return (await readSmallFile(place, entry.path, IGNORE_ALL.length))?.text === IGNORE_ALL;
}

export function notAStore(root: string): PaletteKeysError {
  return new PaletteKeysError('NOT_A_STORE', `${root}: holds other files and no installation; nothing was written`, {
    hint: 'give --dir a folder of its own, for example --dir ./keys; it is made if it is not there',
  });
}
