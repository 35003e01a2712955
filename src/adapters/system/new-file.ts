import { type FileHandle, open, unlink } from 'node:fs/promises';
import { codeOf } from './file-failures.ts';

/** Makes a file that only its owner can read, and syncs it; what fails leaves none behind. Rejects with EEXIST where the name is taken. */
export async function writeAndSync(file: string, content: Uint8Array | string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } catch (error) {
    await unlink(file);
    throw error;
  } finally {
    await handle.close();
  }
}

/** fsync of a folder, which makes a new name in it survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } catch (error) {
    // Some network file systems know no fsync of a folder; the file itself was synced.
    if (!['EINVAL', 'ENOTSUP', 'EACCES'].includes(codeOf(error) ?? '')) throw error;
  } finally {
    await handle?.close();
  }
}
