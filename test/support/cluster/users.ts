import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';

/** Someone who may log in; what they may do is up to the RBAC objects of the test. */
export interface User {
  readonly name: string;
  readonly groups?: readonly string[] | undefined;
}

/** Always there; `system:masters` passes every authorization check. */
export const ADMIN = 'admin';

/** The name and the token of every user. */
export type Tokens = ReadonlyMap<string, string>;

/** Gives every user a token and writes the file that kube-apiserver reads them from. */
export async function writeTokens(file: string, users: readonly User[]): Promise<Tokens> {
  const everyone = [{ name: ADMIN, groups: ['system:masters'] }, ...users];
  const tokens = new Map(everyone.map(({ name }) => [name, randomBytes(16).toString('hex')]));
  if (tokens.size < everyone.length) throw new Error(`two users have one name (${ADMIN} is always there)`);
  const lines = everyone.map(({ name, groups }) => {
    return [tokens.get(name) ?? '', name, `uid-${name}`, (groups ?? []).join(',')].map(quote).join(',');
  });
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  return tokens;
}

export interface Login {
  readonly server: string;
  readonly caPem: string;
  readonly token: string;
  readonly user: string;
  readonly namespace?: string | undefined;
}

/** What kubectl and palette-keys log in with. JSON strings are YAML strings. */
export function formatKubeconfig({ server, caPem, token, user, namespace }: Login): string {
  return `apiVersion: v1
kind: Config
clusters:
- name: test
  cluster:
    server: ${JSON.stringify(server)}
    certificate-authority-data: ${Buffer.from(caPem).toString('base64')}
users:
- name: ${JSON.stringify(user)}
  user:
    token: ${JSON.stringify(token)}
contexts:
- name: test
  context:
    cluster: test
    user: ${JSON.stringify(user)}
    namespace: ${JSON.stringify(namespace ?? 'default')}
current-context: test
`;
}

function quote(field: string): string {
  return `"${field.replaceAll('"', '""')}"`;
}
