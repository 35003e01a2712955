import { PaletteKeysError } from '../../errors.ts';
import type { TextFiles } from '../../ports/text-files.ts';

/** Files of the user, through node:fs. */
export const systemTextFiles: TextFiles = {
  async read(path) {
    try {
      const { readFile } = await import('node:fs/promises');
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(path));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw failed('read', path, error);
    }
  },
  async writeNew(path, text) {
    try {
      const { open } = await import('node:fs/promises');
      const file = await open(path, 'wx', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
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
