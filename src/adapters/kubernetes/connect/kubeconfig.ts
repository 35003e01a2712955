import path from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { parseDocument } from 'yaml';
import { PaletteKeysError } from '../../../errors.ts';
import { readUserFile } from '../../system/user-files.ts';
import { isObject, type JsonObject, listAt, objectAt, textAt } from '../json.ts';
import { kubeconfigInvalid, noStore } from './errors.ts';
import type { LoginHost } from './grant.ts';

/** Kubeconfigs as client-node reads them, taken together as kubectl does. */
export interface Loaded {
  readonly config: KubeConfig;
  /** The entries as they stand in the files: client-node does not keep all of them. */
  readonly raw: { readonly users: Entries; readonly clusters: Entries };
  readonly files: readonly string[];
  /** For the error: where one could put one. */
  readonly searched: readonly string[];
}

/** By name: what stands under `user` or `cluster`, and in which file. */
type Entries = ReadonlyMap<string, { readonly file: string; readonly entry: JsonObject }>;

/**
 * `--kubeconfig` alone, which must be there, else the files of KUBECONFIG that are there, else `~/.kube/config`.
 * (KubeConfig's own way fails where a file of the list is missing or two name the same.)
 */
export async function loadKubeconfigs(
  flag: string | undefined,
  { env, signal }: Pick<LoginHost, 'env' | 'signal'>,
): Promise<Loaded> {
  const searched = flag === undefined ? searchPath(env) : [flag];
  const config = new KubeConfig();
  const raw = { users: new Map(), clusters: new Map() };
  const files: string[] = [];
  for (const file of searched) {
    const text = await readIfThere(file, flag !== undefined, signal);
    if (text === undefined) continue;
    files.push(file);
    const document = parse(file, text);
    merge(config, readConfig(file, document));
    note(raw.users, file, document, 'user');
    note(raw.clusters, file, document, 'cluster');
  }
  return { config, raw, files, searched };
}

function searchPath(env: NodeJS.ProcessEnv): readonly string[] {
  const listed = (env['KUBECONFIG'] ?? '').split(path.delimiter).filter((file) => file !== '');
  if (listed.length > 0) return [...new Set(listed)];
  const home = env['HOME'] ?? '';
  return home === '' ? [] : [path.join(home, '.kube', 'config')];
}

async function readIfThere(file: string, required: boolean, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await readUserFile(file, { limit: '1 MB', signal })).toString('utf8');
  } catch (error) {
    if (error instanceof PaletteKeysError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (code !== 'ENOENT') throw kubeconfigInvalid(file, `it cannot be read (${code})`);
    if (required) throw noStore(`there is no ${file}`);
    return undefined;
  }
}

/** What a parser says of a bad file is not passed on: it quotes the file, and so tokens. */
function parse(file: string, text: string): JsonObject {
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: false, merge: true, logLevel: 'error' });
  if (document.errors.length > 0) throw kubeconfigInvalid(file, 'it is not YAML: kubectl config view says more');
  const value = toJs(file, document);
  if (!isObject(value)) throw kubeconfigInvalid(file, 'it is not a kubeconfig');
  return value;
}

function toJs(file: string, document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch {
    throw kubeconfigInvalid(file, 'its aliases cannot be resolved');
  }
}

/** Entries that client-node finds incomplete are as good as absent: kubectl too minds them only when they are used. */
function readConfig(file: string, document: JsonObject): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(JSON.stringify(withDataFirst(document)), { onInvalidEntry: 'filter' });
  config.makePathsAbsolute(folderOf(file));
  return config;
}

/** As for kubectl, and not for client-node, what stands in the kubeconfig counts before a file that it names. */
function withDataFirst(document: JsonObject): JsonObject {
  const keys = { clusters: ['cluster', 'certificate-authority'], users: ['user', 'client-certificate', 'client-key'] };
  const lists = Object.entries(keys).map(([list, [inner = '', ...files]]) => [
    list,
    listAt(document, list)
      .filter(isObject)
      .map((item) => {
        const entry = objectAt(item, inner);
        const double = files.filter((name) => textAt(entry, `${name}-data`));
        const rest = Object.entries(entry).filter(([name]) => !double.includes(name));
        return { ...item, [inner]: Object.fromEntries(rest) };
      }),
  ]);
  return { ...document, ...Object.fromEntries(lists) };
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

function note(all: Map<string, unknown>, file: string, document: JsonObject, what: 'user' | 'cluster'): void {
  for (const item of listAt(document, `${what}s`)) {
    const name = textAt(item, 'name') ?? '';
    if (!all.has(name)) all.set(name, { file, entry: objectAt(item, what) });
  }
}

/** From where the relative paths of a kubeconfig start. */
export function folderOf(file: string): string {
  return path.dirname(path.resolve(file));
}
