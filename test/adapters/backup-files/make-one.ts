// Makes one backup file: `node make-one.ts FILE`; says on stdout how that ended.
import { backupFiles } from '../../../src/adapters/system/backup-files.ts';
import { PaletteKeysError } from '../../../src/errors.ts';

const [file = ''] = process.argv.slice(2);
const done = await backupFiles(new AbortController().signal)
  .create(file, new TextEncoder().encode('sealed'), async () => undefined)
  .then(
    () => 'done',
    (error: unknown) => (error instanceof PaletteKeysError ? `${error.code}: ${error.message}` : `a bug: ${error}`),
  );
process.stdout.write(`${done}\n`);
