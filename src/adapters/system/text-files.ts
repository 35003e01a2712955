import { accessSync, constants, lstatSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { PaletteKeysError } from '../../errors.ts';
import type { TextFiles } from '../../ports/text-files.ts';
import { codeOf, fileFailure } from './file-failures.ts';
import { readStandardInput } from './standard-input.ts';

/** No certificate with its chain and key comes near it. */
const MAX_BYTES = 8_000_000;

/** Files of the user. They are small and few; node:fs/promises would take longer to load than all of them to read. */
export const systemTextFiles: TextFiles = {
  async read(file) {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw failed(file, error);
    }
  },
  async readBytes(file) {
    if (file === '-') return readStandardInput(MAX_BYTES, () => tooLarge('standard input'));
    try {
      if (statSync(file).size > MAX_BYTES) throw tooLarge(file);
      return readFileSync(file);
    } catch (error) {
      if (codeOf(error) === 'ENOENT')
        throw new PaletteKeysError('USAGE', `there is no file ${file}`, { hint: 'check the path' });
      throw failed(file, error);
    }
  },
  async checkNew(file) {
    try {
      if (lstatSync(file, { throwIfNoEntry: false }) !== undefined) throw taken(file);
      // With a dot behind it a file in the place of the folder is none.
      accessSync(`${path.dirname(file)}/.`, constants.W_OK | constants.X_OK);
    } catch (error) {
      throw fileFailure('write', file, error);
    }
  },
  async writeNew(file, text) {
    // Loaded when something is written: most commands write no text.
    const { syncFolder, writeWhole } = await import('./new-file.ts');
    try {
      await writeWhole(file, text);
      await syncFolder(path.dirname(file));
    } catch (error) {
      if (codeOf(error) === 'EEXIST') throw taken(file);
      throw fileFailure('write', file, error);
    }
  },
};

function taken(file: string): PaletteKeysError {
  return new PaletteKeysError('USAGE', `${file} is there already; it is not overwritten`, {
    hint: 'move it away, or use another name',
  });
}

function tooLarge(name: string): PaletteKeysError {
  return new PaletteKeysError('USAGE', `${name} is larger than 8 MB`, { hint: 'check which file it is' });
}

function failed(file: string, error: unknown): unknown {
  if (codeOf(error) !== 'ERR_ENCODING_INVALID_ENCODED_DATA') return fileFailure('read', file, error);
  return new PaletteKeysError('USAGE', `${file} is not UTF-8 text`, { hint: 'save it as UTF-8' });
}
