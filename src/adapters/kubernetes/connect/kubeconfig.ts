import { readFileSync } from 'node:fs';
import path from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { isObject, listAt, objectAt, textAt } from '../json.ts';
import { kubeconfigInvalid } from './errors.ts';

/** What a user entry says that KubeConfig does not keep. */
export interface UserExtras {
  readonly tokenFile: string | undefined;
  readonly groups: readonly string[];
}

/** Kubeconfigs as client-node reads them, taken together as kubectl does. */
export interface Loaded {
  readonly config: KubeConfig;
  readonly extras: ReadonlyMap<string, UserExtras>;
  /** The files that were there. */
  readonly files: readonly string[];
  /** For the error: where one could put one. */
  readonly searched: readonly string[];
}

/**
 * Loads `--kubeconfig` alone, which then has to be there, else the files of KUBECONFIG that are there, else
 * `~/.kube/config`. Of several the first one to name something decides about it. (KubeConfig's own way fails where a file
 * of the list is missing or two name the same.)
 */
export function loadKubeconfigs(flag: string | undefined, env: NodeJS.ProcessEnv): Loaded {
  const searched = flag === undefined ? searchPath(env) : [flag];
  const all = new KubeConfig();
  const extras = new Map<string, UserExtras>();
  const files: string[] = [];
  for (const file of searched) {
    const text = readIfThere(file, flag !== undefined);
    if (text === undefined) continue;
    files.push(file);
    merge(all, readConfig(file, text));
    for (const [user, extra] of readExtras(file, text)) if (!extras.has(user)) extras.set(user, extra);
  }
  return { config: all, extras, files, searched };
}

function searchPath(env: NodeJS.ProcessEnv): readonly string[] {
  const listed = (env['KUBECONFIG'] ?? '').split(path.delimiter).filter((file) => file !== '');
  if (listed.length > 0) return [...new Set(listed)];
  const home = env['HOME'] ?? '';
  return home === '' ? [] : [path.join(home, '.kube', 'config')];
}

function readIfThere(file: string, required: boolean): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (code === 'ENOENT' && !required) return undefined;
    throw kubeconfigInvalid(file, code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`);
  }
}

/** What client-node says of a bad file is not passed on: it quotes the file, and so tokens. */
function readConfig(file: string, text: string): KubeConfig {
  try {
    const config = new KubeConfig();
    config.loadFromString(text);
    config.makePathsAbsolute(path.dirname(path.resolve(file)));
    return config;
  } catch {
    throw kubeconfigInvalid(file, 'it is not a kubeconfig: kubectl config view says more');
  }
}

function merge(all: KubeConfig, more: KubeConfig): void {
  const add = <T extends { readonly name: string }>(there: readonly T[], others: readonly T[]): T[] => {
    const names = new Set(there.map(({ name }) => name));
    return [...there, ...others.filter(({ name }) => !names.has(name))];
  };
  all.loadFromOptions({
    clusters: add(all.getClusters(), more.getClusters()),
    users: add(all.getUsers(), more.getUsers()),
    contexts: add(all.getContexts(), more.getContexts()),
    currentContext: all.getCurrentContext() || more.getCurrentContext(),
  });
}

function readExtras(file: string, text: string): ReadonlyMap<string, UserExtras> {
  const users = listAt(parse(text), 'users').filter(isObject);
  const folder = path.dirname(path.resolve(file));
  return new Map(
    users.map((entry): [string, UserExtras] => {
      const user = objectAt(entry, 'user');
      const tokenFile = textAt(user, 'tokenFile');
      const groups = listAt(user, 'as-groups').filter((group) => typeof group === 'string');
      const resolved = tokenFile === undefined ? undefined : path.resolve(folder, tokenFile);
      return [textAt(entry, 'name') ?? '', { tokenFile: resolved, groups }];
    }),
  );
}
