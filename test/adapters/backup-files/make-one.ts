// Makes one backup file: `node make-one.ts FILE`; says on stdout how that ended.
import { systemBackupFiles } from '../../../src/adapters/system/backup-files.ts';
import { sha256Hex } from '../../../src/crypto/digest.ts';
import { PaletteKeysError } from '../../../src/errors.ts';

const [file = ''] = process.argv.slice(2);
const bytes = new TextEncoder().encode('sealed');
const done = await systemBackupFiles
  .stage(file, bytes, async () => undefined)
  .then(() => systemBackupFiles.place(file, sha256Hex(bytes)))
  .then(
    () => 'done',
    (error: unknown) => (error instanceof PaletteKeysError ? `${error.code}: ${error.message}` : `a bug: ${error}`),
  );
process.stdout.write(`${done}\n`);
