// Makes one text file: `node make-one.ts FILE`; says on stdout how that ended.
import { systemTextFiles } from '../../../src/adapters/system/text-files.ts';
import { PaletteKeysError } from '../../../src/errors.ts';

const [file = ''] = process.argv.slice(2);
const done = await systemTextFiles.writeNew(file, 'text').then(
  () => 'done',
  (error: unknown) => (error instanceof PaletteKeysError ? `${error.code}: ${error.message}` : `a bug: ${error}`),
);
process.stdout.write(`${done}\n`);
