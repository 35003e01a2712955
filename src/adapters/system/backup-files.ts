import { readFile } from 'node:fs/promises';
import { PaletteKeysError } from '../../errors.ts';
import type { BackupFiles } from '../../ports/backup-files.ts';
import { fileFailure } from './file-failures.ts';
import { stagedFiles } from './staged-files.ts';
import { readStandardInput } from './standard-input.ts';

/** Larger than any installation can become; what is larger is not a backup. */
const MAX_BYTES = 256 * 1024 * 1024;

/** Backup files through node:fs. */
export const systemBackupFiles: BackupFiles = {
  async read(file) {
    if (file === '-') return readStandardInput(MAX_BYTES, tooLarge);
    try {
      return await readFile(file);
    } catch (error) {
      throw fileFailure('read', file, error);
    }
  },
  ...stagedFiles,
};

function tooLarge(): PaletteKeysError {
  return new PaletteKeysError('BACKUP_REJECTED', 'standard input is too large for a backup', {
    hint: 'check what is piped in',
  });
}
