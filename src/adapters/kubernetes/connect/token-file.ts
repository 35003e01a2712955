import { PaletteKeysError } from '../../../errors.ts';
import { readUserFile } from '../../system/user-files.ts';
import { bearer, isToken, type LoginSource } from './grant.ts';

/** `tokenFile`: read anew each time, for Kubernetes replaces a service account's token within the hour. */
export function tokenFileSource(file: string): LoginSource {
  let last: string | undefined;
  return {
    current: async (signal) => {
      const token = await read(file, signal).catch((error: unknown) => {
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

async function read(file: string, signal: AbortSignal): Promise<string> {
  const token = (await textOf(file, signal)).trim();
  if (!isToken(token)) throw noToken(`${file} holds no token`);
  return token;
}

async function textOf(file: string, signal: AbortSignal): Promise<string> {
  try {
    return (await readUserFile(file, { limit: '1 MB', signal })).toString('utf8');
  } catch (error) {
    if (error instanceof PaletteKeysError) throw error;
    throw noToken(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function noToken(what: string): PaletteKeysError {
  return new PaletteKeysError('UNAUTHENTICATED', `the token file ${what}`, {
    hint: 'log in again, or mend the kubeconfig',
  });
}
