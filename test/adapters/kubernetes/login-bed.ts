/** What the tests of logging in need besides a cluster: kubeconfigs of any shape, a client CA, login plugins. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** One context of one cluster and one user; JSON is YAML. */
export function kubeconfigText(cluster: object, user: object, more: object = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'someone', user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'someone' } }],
    'current-context': 'test',
    ...more,
  });
}

export interface Workspace {
  readonly folder: string;
  /** Writes a file and returns its path. */
  write(name: string, text: string, mode?: number): Promise<string>;
  read(name: string): Promise<string>;
  dispose(): Promise<void>;
}

export async function makeWorkspace(): Promise<Workspace> {
  const folder = await mkdtemp(join(tmpdir(), 'palette-keys-login-'));
  return {
    folder,
    write: async (name, text, mode = 0o600) => {
      const path = join(folder, name);
      await mkdir(join(path, '..'), { recursive: true });
      await writeFile(path, text, { mode });
      await chmod(path, mode);
      return path;
    },
    read: (name) => readFile(join(folder, name), 'utf8'),
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

export interface ClientPki {
  readonly caFile: string;
  readonly cert: string;
  readonly key: string;
}

/** A CA and a client certificate of it for `carol` of the group `choir`; by the openssl program. */
export async function makeClientPki(folder: string): Promise<ClientPki> {
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args, { cwd: folder });
  const fresh = ['req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-days', '3650'];
  await openssl(...fresh, '-subj', '/CN=clients', '-keyout', 'client-ca.key', '-out', 'client-ca.crt');
  const usage = ['-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'extendedKeyUsage=clientAuth'];
  const signed = ['-CA', 'client-ca.crt', '-CAkey', 'client-ca.key', '-keyout', 'client.key', '-out', 'client.crt'];
  await openssl(...fresh, '-subj', '/O=choir/CN=carol', ...usage, ...signed);
  const read = (name: string) => readFile(join(folder, name), 'utf8');
  return { caFile: join(folder, 'client-ca.crt'), cert: await read('client.crt'), key: await read('client.key') };
}

/**
 * A login plugin: notes each run and its input in the folder that CREDENTIALS names, and prints the file `credential`
 * of it. It reads its stdin to the end first, as one that asks questions might.
 */
export const PLUGIN = `#!/bin/sh
echo run >> "$CREDENTIALS/runs"
cat > /dev/null
printf '%s' "$KUBERNETES_EXEC_INFO" > "$CREDENTIALS/info"
sleep "\${PLUGIN_SECONDS:-0}"
[ -z "$PLUGIN_HANGS" ] || exec sleep 60
cat "$CREDENTIALS/credential"
exit "\${PLUGIN_EXIT:-0}"
`;

export const EXEC_API = 'client.authentication.k8s.io/v1';

export function credential(status: object, apiVersion = EXEC_API): string {
  return JSON.stringify({ apiVersion, kind: 'ExecCredential', status });
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
