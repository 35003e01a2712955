import { PaletteKeysError } from '../../errors.ts';
import type { BackupFiles } from '../../ports/backup-files.ts';
import { fileFailure } from './file-failures.ts';
import { stagedFiles } from './staged-files.ts';
import { userFileChunks } from './user-files.ts';

export function backupFiles(signal: AbortSignal): BackupFiles {
  return { read: (file) => pieces(file, signal), ...stagedFiles };
}

async function* pieces(file: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* userFileChunks(file, { limit: '1 GB', signal, tooLarge });
  } catch (error) {
    throw fileFailure('read', file, error);
  }
}

function tooLarge(message: string, hint: string): PaletteKeysError {
  return new PaletteKeysError('BACKUP_REJECTED', message, { hint });
}
