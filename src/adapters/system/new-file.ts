import { randomUUID } from 'node:crypto';
import { type FileHandle, link, open, unlink } from 'node:fs/promises';
import path from 'node:path';
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

/** As `writeAndSync`, but a killed process leaves no part under that name. Needs a file system with hard links. */
export async function writeWhole(file: string, content: Uint8Array | string): Promise<void> {
  const temp = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.${randomUUID()}.tmp`);
  await writeAndSync(temp, content);
  try {
    await link(temp, file);
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(codeOf(error) ?? '')) throw error;
    await writeAndSync(file, content);
  } finally {
    await unlink(temp);
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
