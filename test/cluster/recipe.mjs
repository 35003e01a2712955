// What the cluster tests run on and where the finished binaries are kept: read by setup.mjs, which builds them, and by
// test/support/cluster/assets.ts, which finds them. Plain JavaScript, so that setup needs nothing but Node.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** To be raised when the way of building changes, so that binaries built the old way are not taken for new ones. */
const SETUP_VERSION = 1;

const HERE = import.meta.dirname;

/** This system in Go's words: a cache folder may be shared with a container that runs another one. */
const SYSTEM = [
  process.platform === 'win32' ? 'windows' : process.platform,
  process.arch === 'x64' ? 'amd64' : process.arch,
].join('-');

/** `module` is a folder beside this file with a go.mod and a go.sum of its own; the API server takes longest. */
export const BINARIES = [
  {
    name: 'kube-apiserver',
    module: 'kubernetes',
    package: 'k8s.io/kubernetes/cmd/kube-apiserver',
    variable: 'TEST_ASSET_KUBE_APISERVER',
  },
  {
    name: 'kube-controller-manager',
    module: 'kubernetes',
    package: 'k8s.io/kubernetes/cmd/kube-controller-manager',
    variable: 'TEST_ASSET_KUBE_CONTROLLER_MANAGER',
  },
  { name: 'kubectl', module: 'kubernetes', package: 'k8s.io/kubernetes/cmd/kubectl', variable: 'TEST_ASSET_KUBECTL' },
  { name: 'etcd', module: 'etcd', package: 'go.etcd.io/etcd/server/v3', variable: 'TEST_ASSET_ETCD' },
  { name: 'kwok', module: 'kwok', package: 'sigs.k8s.io/kwok/cmd/kwok', variable: 'TEST_ASSET_KWOK' },
];

/** @param {string} module */
export function moduleFolder(module) {
  return join(HERE, module);
}

/** The version of Kubernetes that go.mod asks for, such as `v1.35.4`. */
export function kubernetesVersion() {
  const found = /^\t?(?:require )?k8s\.io\/kubernetes (v\d+\.\d+\.\d+)\b/m.exec(readModuleFile('kubernetes', 'go.mod'));
  if (!found?.[1]) throw new Error('test/cluster/kubernetes/go.mod does not say which k8s.io/kubernetes it requires');
  return found[1];
}

/** The folder of the binaries that `goVersion` (such as `go1.25.0-linux-amd64`) builds from the go.mod files as they are. */
export function cacheFolder(goVersion, env = process.env) {
  return join(cacheRoot(env), `${recipeHash()}-${goVersion}`, 'bin');
}

/** Where `name` stands built from the go.mod files as they are, whichever Go did it; the latest comes first. */
export function findCached(name, env = process.env) {
  const root = cacheRoot(env);
  if (!existsSync(root)) return undefined;
  return readdirSync(root)
    .filter((folder) => folder.startsWith(`${recipeHash()}-`) && folder.endsWith(`-${SYSTEM}`))
    .map((folder) => join(root, folder, 'bin', name))
    .filter((file) => existsSync(file))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

function cacheRoot(env) {
  const base = env.XDG_CACHE_HOME;
  // The XDG specification: a relative path is invalid and to be ignored.
  return join(base && isAbsolute(base) ? base : join(homedir(), '.cache'), 'palette-keys-test');
}

function recipeHash() {
  const hash = createHash('sha256').update(`setup ${SETUP_VERSION}\n`);
  for (const module of new Set(BINARIES.map((binary) => binary.module))) {
    for (const file of ['go.mod', 'go.sum']) hash.update(`${module}/${file}\n`).update(readModuleFile(module, file));
  }
  return hash.digest('hex').slice(0, 16);
}

function readModuleFile(module, file) {
  // A checkout on another system may have changed the line ends.
  return readFileSync(join(moduleFolder(module), file), 'utf8').replaceAll('\r\n', '\n');
}
