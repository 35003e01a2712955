import { readFile } from 'node:fs/promises';
import { PaletteKeysError } from '../../../errors.ts';
import { bearer, isToken, type LoginSource } from './grant.ts';

/** `tokenFile`: read anew each time, for Kubernetes replaces a service account's token within the hour. */
export function tokenFileSource(file: string): LoginSource {
  let last: string | undefined;
  return {
    current: async () => {
      const token = await read(file).catch((error: unknown) => {
        // While it is being replaced it may be gone for a moment; what was read before is good for a while.
        if (last === undefined) throw error;
        return last;
      });
      last = token;
      return bearer(token);
    },
    // It may have been replaced a moment ago.
    forget: () => true,
  };
}

async function read(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw noToken(`${file} cannot be read (${error.code})`);
  });
  const token = text.trim();
  if (!isToken(token)) throw noToken(`${file} holds no token`);
  return token;
}

function noToken(what: string): PaletteKeysError {
  return new PaletteKeysError('UNAUTHENTICATED', `the token file ${what}`, {
    hint: 'log in again, or mend the kubeconfig',
  });
}
