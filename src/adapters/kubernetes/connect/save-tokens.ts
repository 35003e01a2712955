import { open, readFile, realpath, rename, stat, unlink } from 'node:fs/promises';
import { isMap, isSeq, parseDocument } from 'yaml';
import type { OidcConfig } from './oidc-refresh.ts';

export interface UserOrigin {
  readonly file: string;
  readonly user: string;
}

const TOKENS = ['id-token', 'refresh-token'];

/** Saves renewed tokens as kubectl does, under `<file>.lock`; the rest of the file stays. False where that failed. */
export async function saveTokens({ file, user }: UserOrigin, config: OidcConfig): Promise<boolean> {
  try {
    // It may be a symlink: that stays one.
    const real = await realpath(file);
    if (!(await stat(real)).isFile()) return false;
    const lock = `${real}.lock`;
    await (await open(lock, 'wx', 0o600)).close();
    try {
      await rewrite(real, user, config);
    } finally {
      await unlink(lock);
    }
    return true;
  } catch {
    return false;
  }
}

async function rewrite(file: string, user: string, config: OidcConfig): Promise<void> {
  const document = parseDocument(await readFile(file, 'utf8'), { prettyErrors: false, uniqueKeys: false });
  const users = document.get('users');
  const index = isSeq(users) ? users.items.findIndex((item) => isMap(item) && item.get('name') === user) : -1;
  if (document.errors.length > 0 || index < 0) throw new Error('the user is no longer there');
  for (const token of TOKENS) {
    document.setIn(['users', index, 'user', 'auth-provider', 'config', token], config[token]);
  }
  const temp = `${file}.palette-keys.${process.pid}`;
  const handle = await open(temp, 'wx', (await stat(file)).mode & 0o777);
  try {
    await handle.writeFile(document.toString({ lineWidth: 0 }));
    await handle.sync();
    await handle.close();
    await rename(temp, file);
  } catch (error) {
    await unlink(temp);
    throw error;
  }
}
