import { hostname, userInfo } from 'node:os';

/** Who runs the program, for the lock and the audit. Under sudo the one who called it is named too. */
export function systemActor(env: NodeJS.ProcessEnv): { readonly user: string; readonly host: string } {
  const user = accountName();
  const caller = env['SUDO_USER'];
  return { user: caller === undefined || caller === '' ? user : `${caller} as ${user}`, host: hostname() };
}

function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    // In containers the uid often has no entry in the password file.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
