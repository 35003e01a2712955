import { accessSync, constants, lstatSync } from 'node:fs';
import path from 'node:path';
import { PaletteKeysError } from '../../errors.ts';
import type { TextFiles } from '../../ports/text-files.ts';
import { codeOf, fileFailure } from './file-failures.ts';
import { readUserFile } from './user-files.ts';

export function textFiles(signal: AbortSignal): TextFiles {
  return { ...NEW_FILES, ...reading(signal) };
}

function reading(signal: AbortSignal): Pick<TextFiles, 'read' | 'readBytes'> {
  return {
    async read(file, limit: '1 MB' | '64 MB' = '1 MB') {
      try {
        const bytes = await readUserFile(file, { limit, signal });
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw failed(file, error);
      }
    },
    async readBytes(file) {
      try {
        return await readUserFile(file, { limit: '1 MB', signal });
      } catch (error) {
        if (codeOf(error) === 'ENOENT')
          throw new PaletteKeysError('USAGE', `there is no file ${file}`, { hint: 'check the path' });
        throw failed(file, error);
      }
    },
  };
}

/** Most commands write no text: node:fs/promises would take longer to load than all files to read. */
const NEW_FILES: Pick<TextFiles, 'checkNew' | 'writeNew'> = {
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

function failed(file: string, error: unknown): unknown {
  if (codeOf(error) !== 'ERR_ENCODING_INVALID_ENCODED_DATA') return fileFailure('read', file, error);
  return new PaletteKeysError('USAGE', `${file} is not UTF-8 text`, { hint: 'save it as UTF-8' });
}
