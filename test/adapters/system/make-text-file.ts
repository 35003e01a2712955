// Makes one text file: `node make-text-file.ts FILE`; says on stdout how that ended.
import { textFiles } from '../../../src/adapters/system/text-files.ts';
import { PaletteKeysError } from '../../../src/errors.ts';

const [file = ''] = process.argv.slice(2);
const done = await textFiles(new AbortController().signal)
  .writeNew(file, 'text')
  .then(
    () => 'done',
    (error: unknown) => (error instanceof PaletteKeysError ? `${error.code}: ${error.message}` : `a bug: ${error}`),
  );
process.stdout.write(`${done}\n`);
