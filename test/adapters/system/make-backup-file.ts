// Makes one backup file: `node make-backup-file.ts FILE`; says on stdout how that ended.
import { backupFiles } from '../../../src/adapters/system/backup-files.ts';
import { sha256Hex } from '../../../src/crypto/digest.ts';
import { PaletteKeysError } from '../../../src/errors.ts';

const [file = ''] = process.argv.slice(2);
const bytes = new TextEncoder().encode('sealed');
const files = backupFiles(new AbortController().signal);
const done = await files
  .stage(file, bytes, async () => undefined)
  .then(() => files.place(file, sha256Hex(bytes)))
  .then(
    () => 'done',
    (error: unknown) => (error instanceof PaletteKeysError ? `${error.code}: ${error.message}` : `a bug: ${error}`),
  );
process.stdout.write(`${done}\n`);
