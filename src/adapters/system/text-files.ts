import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { PaletteKeysError } from '../../errors.ts';
import type { TextFiles } from '../../ports/text-files.ts';
import { readStandardInput } from './standard-input.ts';

/** No certificate with its chain and key comes near it. */
const MAX_BYTES = 8_000_000;

/** Files of the user. They are small and few; node:fs/promises would take longer to load than all of them to read. */
export const systemTextFiles: TextFiles = {
  async read(path) {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw failed('read', path, error);
    }
  },
  async readBytes(path) {
    if (path === '-') return readStandardInput(MAX_BYTES, () => tooLarge('standard input'));
    try {
      if (statSync(path).size > MAX_BYTES) throw tooLarge(path);
      return readFileSync(path);
    } catch (error) {
      if (codeOf(error) === 'ENOENT')
        throw new PaletteKeysError('USAGE', `there is no file ${path}`, { hint: 'check the path' });
      throw failed('read', path, error);
    }
  },
  async writeNew(path, text) {
    try {
      const file = openSync(path, 'wx', 0o600);
      try {
        writeFileSync(file, text);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      if (codeOf(error) === 'EEXIST') {
        throw new PaletteKeysError('USAGE', `${path} is there already; it is not overwritten`, {
          hint: 'move it away, or use another name',
        });
      }
      throw failed('write', path, error);
    }
  },
};

function tooLarge(name: string): PaletteKeysError {
  return new PaletteKeysError('USAGE', `${name} is larger than 8 MB`, { hint: 'check which file it is' });
}

function failed(verb: string, path: string, error: unknown): unknown {
  const code = codeOf(error);
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
    return new PaletteKeysError('USAGE', `${path} is not UTF-8 text`, { hint: 'save it as UTF-8' });
  }
  if (code === undefined) return error;
  if (code === 'EISDIR') {
    return new PaletteKeysError('USAGE', `${path} is a folder, not a file`, {
      hint: 'name the file in it',
      cause: error,
    });
  }
  const denied = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
  return new PaletteKeysError(denied ? 'PERMISSION_DENIED' : 'STORE_UNAVAILABLE', `cannot ${verb} ${path} (${code})`, {
    hint: denied ? 'check who you are and the permissions of the file' : 'check the path and the disk',
    cause: error,
  });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
