import { link, readFile, unlink } from 'node:fs/promises';
import path from 'node:path';
import { DamagedError, PaletteKeysError } from '../../errors.ts';
import type { BackupFiles } from '../../ports/backup-files.ts';
import { codeOf, fileFailure } from './file-failures.ts';
import { syncFolder, writeAndSync } from './new-file.ts';
import { userFileChunks } from './user-files.ts';

/** Backup files through node:fs. */
export function backupFiles(signal: AbortSignal): BackupFiles {
  return { read: (file) => pieces(file, signal), create };
}

async function* pieces(file: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* userFileChunks(file, { limit: '1 GB', signal, tooLarge });
  } catch (error) {
    throw explained('read', file, error);
  }
}

async function create(file: string, bytes: Uint8Array, check: (copy: Uint8Array) => Promise<void>): Promise<void> {
  const folder = path.dirname(file);
  const temp = path.join(folder, `.${path.basename(file)}.${process.pid}.${Date.now()}.tmp`);
  try {
    await writeAndSync(temp, bytes);
    try {
      await check(await readFile(temp));
      // link(2) never replaces: a backup that is there stays, whoever is first.
      await link(temp, file).catch((error: unknown) => {
        throw withoutLinks(error, folder);
      });
    } finally {
      await unlink(temp);
    }
    await syncFolder(folder);
  } catch (error) {
    throw explained('write', file, error);
  }
}

function withoutLinks(error: unknown, folder: string): unknown {
  if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(codeOf(error) ?? '')) return error;
  return new PaletteKeysError('LINK_UNSUPPORTED', `${folder}: its file system has no hard links`, {
    hint: 'write the backup to another file system, and copy it from there',
    cause: error,
  });
}

function tooLarge(message: string, hint: string): PaletteKeysError {
  return new PaletteKeysError('BACKUP_REJECTED', message, { hint });
}

function explained(verb: 'read' | 'write', file: string, error: unknown): unknown {
  if (error instanceof DamagedError) {
    return new PaletteKeysError('STORE_UNAVAILABLE', `${file}: ${error.message}; it was deleted again`, {
      hint: 'check the disk, and run the command again',
    });
  }
  if (codeOf(error) === 'EEXIST') {
    return new PaletteKeysError('USAGE', `${file} is there already; a backup is never overwritten`, {
      hint: 'name another file, for example with the date in it',
    });
  }
  return fileFailure(verb, file, error);
}
