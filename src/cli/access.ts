import { type ErrorDetail, PaletteKeysError } from '../errors.ts';
import { defaultSpec } from '../installation/defaults.ts';
import type { GivenSpec } from '../installation/given.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import type { AccessNeed } from '../ports/cluster.ts';
import type { KeyStore } from '../ports/key-store.ts';
import { type Command, type Denied, deniedOfAll } from '../reconcile/access/preflight.ts';
import { rbacForMissing, type Subject } from '../reconcile/access/rbac.ts';
import type { CliPorts } from './ports.ts';

/** Does `read`; where the cluster denies a part of it, says all that is denied, and not what was met first. */
export async function explainingDenials<T>(
  command: Command,
  read: () => Promise<T>,
  store: KeyStore,
  spec: GivenSpec | undefined,
  ports: CliPorts,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const isDenied = error instanceof PaletteKeysError && error.code === 'PERMISSION_DENIED';
    if (!isDenied || store.cluster === undefined) throw error;
    const denied = await deniedOfAll(store.cluster, wholeOf(spec), command);
    if (denied === undefined) throw error;
    return refuseDenied(denied, ports);
  }
}

/** The record cannot be read. What the file asks for without it is as near as can be told. */
function wholeOf(given: GivenSpec | undefined): InstallationSpec {
  try {
    return given?.against(undefined) ?? defaultSpec();
  } catch {
    return defaultSpec();
  }
}

/** Throws ACCESS_DENIED, after writing the RBAC that would grant what is missing to stderr. */
export async function refuseDenied({ needs, user }: Denied, { terminal }: CliPorts): Promise<never> {
  const { renderManifests } = await import('./init/manifests.ts');
  terminal.stderr.write(
    `# What ${user} is missing, as RBAC:\n${renderManifests(rbacForMissing(needs, subjectOf(user)))}`,
  );
  throw new PaletteKeysError('ACCESS_DENIED', `${user} may not do all that the run needs; nothing was written`, {
    hint: 'have somebody apply the RBAC above, or run as somebody who may (palette-keys init --print-rbac shows all of it)',
    details: needs.map((need): ErrorDetail => ({ message: describeNeed(need) })),
  });
}

function describeNeed({ verb, group, resource, namespace, name }: AccessNeed): string {
  const what = `${verb} ${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : ` ${name}`}`;
  return namespace === undefined ? what : `${what} in ${namespace}`;
}

function subjectOf(user: string): Subject {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):(.+)$/.exec(user) ?? [];
  return name === undefined ? { kind: 'User', name: user, namespace } : { kind: 'ServiceAccount', name, namespace };
}
