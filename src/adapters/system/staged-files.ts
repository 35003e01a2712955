import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, lstat, readFile, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { DamagedError, PaletteKeysError } from '../../errors.ts';
import { type BackupFiles, pendingName } from '../../ports/backup-files.ts';
import { codeOf, fileFailure } from './file-failures.ts';
import { syncFolder, writeAndSync } from './new-file.ts';

export const stagedFiles: Pick<BackupFiles, 'digest' | 'stage' | 'place'> = {
  async digest(file) {
    try {
      if ((await lstat(file).catch(unlessMissing)) === undefined) return undefined;
      if (!(await stat(file).catch(unlessMissing))?.isFile()) throw taken(file);
      const hash = createHash('sha256');
      for await (const chunk of createReadStream(file)) hash.update(chunk);
      return hash.digest('hex');
    } catch (error) {
      throw explained('read', file, error);
    }
  },

  async stage(file, bytes, check) {
    const folder = path.dirname(file);
    const temp = tempName(file);
    try {
      await writeAndSync(temp, bytes);
      try {
        await check(await readFile(temp));
        // By link(2), as the file will get its name: a file system without hard links is found out before it counts.
        await unlink(pendingName(file)).catch(unlessMissing);
        await link(temp, pendingName(file)).catch((error: unknown) => {
          throw withoutLinks(error, folder);
        });
      } finally {
        await unlink(temp);
      }
      await syncFolder(folder);
    } catch (error) {
      throw explained('write', file, error);
    }
  },

  async place(file, sha256) {
    const pending = pendingName(file);
    const folder = path.dirname(file);
    // By a name of its own: what stands under the pending name may be another run's at any moment.
    const own = tempName(file);
    try {
      await link(pending, own).catch((error: unknown) => {
        throw codeOf(error) === 'ENOENT' ? replaced(pending) : withoutLinks(error, folder);
      });
      try {
        if ((await stagedFiles.digest(own)) !== sha256) throw replaced(pending);
        // link(2) never replaces: a file that is there stays, whoever is first.
        await link(own, file);
        if ((await stat(pending).catch(unlessMissing))?.ino === (await stat(own)).ino) await unlink(pending);
      } finally {
        await unlink(own);
      }
      await syncFolder(folder);
    } catch (error) {
      throw explained('write', file, error);
    }
  },
};

/** Of a file that is about to get its name: unique, and swept where a run leaves it. */
function tempName(file: string): string {
  return path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.${randomUUID()}.tmp`);
}

function unlessMissing(error: unknown): undefined {
  if (codeOf(error) === 'ENOENT') return undefined;
  throw error;
}

function withoutLinks(error: unknown, folder: string): unknown {
  if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(codeOf(error) ?? '')) return error;
  return new PaletteKeysError('LINK_UNSUPPORTED', `${folder}: its file system has no hard links`, {
    hint: 'write the backup to another file system, and copy it from there',
    cause: error,
  });
}

function replaced(pending: string): PaletteKeysError {
  return new PaletteKeysError('CONFLICT', `${pending} is gone, or another run has written over it`, {
    hint: 'run the command again, with another file name than the other run',
  });
}

function taken(file: string): PaletteKeysError {
  return new PaletteKeysError('USAGE', `${file} is there already; a backup is never overwritten`, {
    hint: 'name another file, for example with the date in it: --out keys-{time}.age',
  });
}

function explained(verb: 'read' | 'write', file: string, error: unknown): unknown {
  if (error instanceof DamagedError) {
    return new PaletteKeysError('STORE_UNAVAILABLE', `${file}: ${error.message}; it was deleted again`, {
      hint: 'check the disk, and run the command again',
    });
  }
  return codeOf(error) === 'EEXIST' ? taken(file) : fileFailure(verb, file, error);
}
