import { PaletteKeysError } from '../../../errors.ts';

const MEND = 'mend the kubeconfig, or name another one with --kubeconfig FILE or another --context NAME';

export function kubeconfigInvalid(file: string, what: string): PaletteKeysError {
  return new PaletteKeysError('KUBECONFIG_INVALID', `${file}: ${what}`, { hint: MEND });
}

export function loginInvalid(user: string, file: string, what: string): PaletteKeysError {
  return new PaletteKeysError('KUBECONFIG_INVALID', `user ${user} of ${file}: ${what}`, { hint: MEND });
}

/** Neither a cluster nor a folder. */
export function noStore(why: string): PaletteKeysError {
  return new PaletteKeysError('NO_STORE', `no cluster is in reach (${why}), and no folder was named`, {
    hint: 'name a folder with --dir PATH, or a cluster with --kubeconfig FILE, KUBECONFIG or --context NAME',
  });
}
