import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { findAssets, findAssetsOrSkip } from '../support/cluster.ts';
import { BINARIES, cacheFolder } from './recipe.mjs';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'palette-keys-assets-'));
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

/** Puts programs of these names (all of them unless told) into a folder of that name. */
function place(name: string, programs = BINARIES.map((binary) => binary.name as string)): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  for (const program of programs) {
    writeFileSync(join(path, program), '');
    chmodSync(join(path, program), 0o755);
  }
  return path;
}

/** Puts them where test:setup does. */
function placeInCache(): Readonly<Record<string, string>> {
  const env = { XDG_CACHE_HOME: join(folder, 'cache') };
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  place(cacheFolder(`go1.99.0-${process.platform}-${arch}`, env).slice(folder.length + 1));
  return env;
}

describe('the programs of a test cluster', () => {
  test('are found where test:setup has put them, whichever Go built them', () => {
    const assets = findAssets(placeInCache());
    expect(assets?.etcd).toMatch(/palette-keys-test\/[0-9a-f]{16}-go1\.99\.0-[^/]+\/bin\/etcd$/);
    expect(assets?.kubeControllerManager).toMatch(/\/kube-controller-manager$/);
  });

  test('are taken from KUBEBUILDER_ASSETS before that', () => {
    const envtest = place('envtest', ['kube-apiserver', 'etcd', 'kubectl']);
    const assets = findAssets({ ...placeInCache(), KUBEBUILDER_ASSETS: envtest });
    expect(assets).toMatchObject({ kubeApiserver: join(envtest, 'kube-apiserver'), etcd: join(envtest, 'etcd') });
    expect(assets?.kubeControllerManager).toContain('palette-keys-test');
  });

  test('are taken from a variable of their own before all', () => {
    const own = join(place('own', ['my-etcd']), 'my-etcd');
    const env = { KUBEBUILDER_ASSETS: place('envtest'), TEST_ASSET_ETCD: own };
    expect(findAssets(env)).toMatchObject({ etcd: own, kubectl: join(folder, 'envtest', 'kubectl') });
  });

  test('need no controller manager', () => {
    const KUBEBUILDER_ASSETS = place('envtest', ['kube-apiserver', 'etcd', 'kubectl']);
    const assets = findAssets({ KUBEBUILDER_ASSETS, XDG_CACHE_HOME: folder });
    expect(assets?.kubeControllerManager).toBeUndefined();
  });

  test('are not taken from elsewhere if a variable names a file that is not there', () => {
    const env = { ...placeInCache(), TEST_ASSET_KUBECTL: join(folder, 'gone') };
    expect(() => findAssets(env)).toThrow(`TEST_ASSET_KUBECTL names ${join(folder, 'gone')}, which is not there`);
  });

  test('missing, skip the tests with one loud line; under CI they are an error', () => {
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    expect(findAssetsOrSkip({ XDG_CACHE_HOME: folder })).toBeUndefined();
    expect(said.mock.calls.join()).toContain('CLUSTER TESTS SKIPPED');
    expect(() => findAssetsOrSkip({ XDG_CACHE_HOME: folder, CI: 'true' })).toThrow('npm run test:setup');
  });
});
