import type { KeySearch, Leftover } from '../../ports/key-store.ts';
import { formatRef, type ObjectKind } from '../../ports/object-ref.ts';
import { errno, ifThere } from './failures.ts';
import { type FileStatus, TO_READ } from './files.ts';
import { folderName, inside, isNamespaceName, KINDS, objectName, type Place } from './layout.ts';
import { isOwnFile } from './recognise.ts';
import { quoted } from './safety.ts';
import { isAbandoned, ownersAtWork } from './sweep.ts';
import { parseTempName } from './temp-file.ts';

/** A folder that holds more than this, besides objects, is no folder of keys; and none is read into memory that is larger. */
const MAX_ENTRIES = 5000;
const MAX_BYTES = 64 * 1024 * 1024;

/** Temp files that runs left, and what else of the folder holds a key that is searched for. Symbolic links are not followed. */
export async function findLeftovers(place: Place, search: KeySearch): Promise<readonly Leftover[]> {
  const atWork = await ownersAtWork(place);
  const found: Leftover[] = [];
  const folders = [place.root];
  let left = MAX_ENTRIES;
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    const at = folderIn(place, folder);
    for (const name of (await namesIn(place, folder)).toSorted()) {
      const path = inside(folder, name);
      if (isKnown(at, name, search)) continue;
      // Elsewhere no run writes, nor deletes.
      const isTemp = parseTempName(name) !== undefined && (folder === place.root || at !== undefined);
      if (folder === place.root && !isTemp && isOwnFile(name)) continue;
      if (--left < 0) return [...found, tooMany(place)];
      const status = await ifThere(place.files.lstat(path)).catch(() => undefined);
      if (status?.kind === 'folder') folders.push(path);
      if (status?.kind !== 'file') continue;
      if (isTemp && !(await isAbandoned(place, path, atWork))) continue;
      const leftover = await look(place, path, { isTemp, status }, search);
      if (leftover !== undefined) found.push(leftover);
    }
  }
  return found;
}

async function look(
  place: Place,
  path: string,
  { isTemp, status }: { readonly isTemp: boolean; readonly status: FileStatus },
  search: KeySearch,
): Promise<Leftover | undefined> {
  const about = { place: path, isTemp, command: `rm ${quoted(path)}` };
  if (status.size > MAX_BYTES) return { ...about, kids: [], unread: 'it is larger than 64 MiB' };
  try {
    const bytes = await read(place, path);
    if (bytes === undefined) return undefined;
    const isWhole = bytes.length <= MOST_BYTES;
    const kids = isWhole ? search.find(bytes) : [];
    bytes.fill(0);
    if (!isWhole) return { ...about, kids, unread: 'it is larger than 8 MB' };
    return isTemp || kids.length > 0 ? { ...about, kids } : undefined;
  } catch (error) {
    // Files of others may lie here, which we may not be allowed to read.
    if (errno(error) === undefined) throw error;
    return { ...about, kids: [], unread: `it cannot be read (${errno(error)})` };
  }
}

/** Far more than a copy of an object has. */
const MOST_BYTES = 8_000_000;

async function read(place: Place, path: string): Promise<Uint8Array | undefined> {
  const handle = await ifThere(place.files.open(path, TO_READ));
  if (handle === undefined) return undefined;
  try {
    return await handle.read(MOST_BYTES);
  } finally {
    await handle.close();
  }
}

interface ObjectFolder {
  readonly namespace: string;
  readonly kind: ObjectKind;
}

function folderIn({ root }: Place, folder: string): ObjectFolder | undefined {
  const [namespace = '', inner, ...deeper] = folder.slice(inside(root, '').length).split('/');
  const kind = KINDS.find((candidate) => folderName(candidate) === inner);
  return kind === undefined || deeper.length > 0 || !isNamespaceName(namespace) ? undefined : { namespace, kind };
}

/** ConfigMaps hold no keys. */
function isKnown(at: ObjectFolder | undefined, file: string, { known }: KeySearch): boolean {
  const name = objectName(file);
  if (at === undefined || name === undefined) return false;
  return at.kind === 'ConfigMap' || known.has(formatRef({ ...at, name }));
}

async function namesIn(place: Place, folder: string): Promise<readonly string[]> {
  return place.files.readdir(folder).catch((error: unknown) => {
    if (folder === place.root || errno(error) === undefined) throw error;
    return [];
  });
}

function tooMany({ root }: Place): Leftover {
  const unread = `it holds more than ${MAX_ENTRIES} other files; not all were searched`;
  return { place: root, isTemp: false, kids: [], unread, command: `ls -R ${quoted(root)}` };
}
