// `npm run test:setup`: builds kube-apiserver, kube-controller-manager, kubectl and etcd for the cluster tests, once,
// from Go modules pinned by go.sum. Cold it takes minutes, warm far less than a second. Builds nothing that the
// environment names already (TEST_ASSET_..., KUBEBUILDER_ASSETS: the convention of envtest).
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { BINARIES, cacheFolder, findCached, kubernetesVersion, moduleFolder } from './recipe.mjs';

// GOWORK: a go.work in a folder above must not change what is built. CGO: the binaries depend on no system library.
const GO_ENVIRONMENT = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' };

process.exitCode = main();

function main() {
  const wanted = BINARIES.filter((binary) => !namedByEnvironment(binary));
  if (wanted.length === 0) {
    say('the environment names every binary; nothing to build');
    return 0;
  }
  const go = goVersion();
  if (go === undefined) return withoutGo(wanted);
  const folder = cacheFolder(go);
  mkdirSync(folder, { recursive: true });
  removeLeftovers(folder);
  const missing = wanted.filter(({ name }) => !existsSync(join(folder, name)));
  if (missing.length > 0) lowerPriority();
  for (const binary of missing) build(binary, folder);
  say(`ready in ${folder}`);
  return 0;
}

function namedByEnvironment({ name, variable }) {
  const assets = process.env.KUBEBUILDER_ASSETS;
  return Boolean(process.env[variable] || (assets && existsSync(join(assets, name))));
}

/** Which toolchain go.mod selects and for which system, such as `go1.25.0-linux-amd64`; undefined without Go. */
function goVersion() {
  const result = go('kubernetes', ['env', 'GOVERSION', 'GOOS', 'GOARCH'], ['ignore', 'pipe', 'inherit']);
  if (result.error?.code === 'ENOENT') return undefined;
  requireSuccess(result, 'go env');
  return result.stdout.toString().trim().split(/\s+/).join('-');
}

function withoutGo(wanted) {
  if (wanted.every(({ name }) => findCached(name) !== undefined)) {
    say('no Go on PATH, but an earlier build is there');
    return 0;
  }
  const fatal = Boolean(process.env.CI) && process.env.CI !== 'false';
  say(`NO GO ON PATH: cannot build the API server${fatal ? '' : '; the cluster tests will be skipped'}`);
  return fatal ? 1 : 0;
}

function build({ name, module, package: path }, folder) {
  say(`building ${name} ...`);
  const started = performance.now();
  // Under its final name a binary is always whole: an interrupted build leaves only a file that the next one removes.
  const unfinished = join(folder, `.${name}.${process.pid}.tmp`);
  const flags = ['-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags', linkerFlags(module)];
  requireSuccess(go(module, ['build', ...flags, '-o', unfinished, path]), `building ${name}`);
  chmodSync(unfinished, 0o755);
  renameSync(unfinished, join(folder, name));
  say(`built ${name} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

/** Kubernetes learns its version from the linker alone; etcd has it in its source. */
function linkerFlags(module) {
  const strip = '-s -w';
  if (module !== 'kubernetes') return strip;
  const version = kubernetesVersion();
  const [major, minor] = version.slice(1).split('.');
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor };
  const assignments = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) =>
    Object.entries(values).map(([key, value]) => `-X ${path}.${key}=${value}`),
  );
  return [strip, ...assignments].join(' ');
}

function go(module, args, stdio = ['ignore', 2, 2]) {
  return spawnSync('go', args, { cwd: moduleFolder(module), env: GO_ENVIRONMENT, stdio });
}

function requireSuccess(result, what) {
  if (result.status === 0) return;
  say(`${what} failed: ${result.error?.message ?? result.signal ?? `exit code ${result.status}`}`);
  process.exit(1);
}

/** What builds that are no longer running have left behind. */
function removeLeftovers(folder) {
  for (const file of readdirSync(folder)) {
    const pid = /\.(\d+)\.tmp$/.exec(file)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(folder, file), { force: true });
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** The build takes every core for minutes: whoever works at the machine comes first. */
function lowerPriority() {
  try {
    setPriority(10);
  } catch {
    // A courtesy only.
  }
}

function say(line) {
  process.stderr.write(`test:setup: ${line}\n`);
}
