import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BINARIES, findCached } from '../../cluster/recipe.mjs';

/** The programs that a test cluster consists of. */
export interface Assets {
  readonly kubeApiserver: string;
  readonly etcd: string;
  readonly kubectl: string;
  /** The archives of envtest do not have it. */
  readonly kubeControllerManager: string | undefined;
  /** Nor this one. */
  readonly kwok: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;
type Name = (typeof BINARIES)[number]['name'];

const SKIPPED =
  'CLUSTER TESTS SKIPPED: no kube-apiserver, etcd and kubectl. Run `npm run test:setup`, or set KUBEBUILDER_ASSETS.';

/**
 * Each program from its `TEST_ASSET_...` variable, else from the folder KUBEBUILDER_ASSETS, else as test:setup built it.
 * Undefined if one that every cluster needs is nowhere; throws if a variable names a file that is not there.
 */
export function findAssets(env: Environment = process.env): Assets | undefined {
  const [kubeApiserver, etcd, kubectl] = [find('kube-apiserver', env), find('etcd', env), find('kubectl', env)];
  if (kubeApiserver === undefined || etcd === undefined || kubectl === undefined) return undefined;
  const kubeControllerManager = find('kube-controller-manager', env);
  return { kubeApiserver, etcd, kubectl, kubeControllerManager, kwok: find('kwok', env) };
}

/** As findAssets, but nobody overlooks it: with nothing there one loud line on stderr, and under CI an error. */
export function findAssetsOrSkip(env: Environment = process.env): Assets | undefined {
  const assets = findAssets(env);
  if (assets !== undefined) return assets;
  if (env['CI'] && env['CI'] !== 'false') throw new Error(SKIPPED);
  process.stderr.write(`\n${SKIPPED}\n\n`);
  return undefined;
}

function find(name: Name, env: Environment): string | undefined {
  const variable = BINARIES.find((binary) => binary.name === name)?.variable;
  const named = variable === undefined ? undefined : env[variable];
  if (variable !== undefined && named) return requireFile(named, variable);
  const folder = env['KUBEBUILDER_ASSETS'];
  const inFolder = folder ? join(folder, name) : undefined;
  if (inFolder !== undefined && existsSync(inFolder)) return inFolder;
  return findCached(name, env);
}

function requireFile(path: string, variable: string): string {
  if (!existsSync(path)) throw new Error(`${variable} names ${path}, which is not there`);
  return path;
}
