// `npm run test:setup`: builds kube-apiserver, kube-controller-manager, kubectl, etcd and kwok for the cluster tests,
// once, from Go modules pinned by go.sum. Cold it takes minutes, warm far less than a second. Builds nothing that the
// environment names already (TEST_ASSET_..., KUBEBUILDER_ASSETS: the convention of envtest).
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { BINARIES, cacheFolder, findCached, kubernetesVersion, moduleFolder } from './recipe.mjs';

// GOWORK: a go.work in a folder above must not change what is built. CGO: the binaries depend on no system library.
const GO_ENVIRONMENT = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' };

try {
  process.exitCode = await main();
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}

async function main() {
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
  for (const binary of missing) await build(binary, folder);
  say(`ready in ${folder}`);
  return 0;
}

function namedByEnvironment({ name, variable }) {
  const assets = process.env.KUBEBUILDER_ASSETS;
  return Boolean(process.env[variable] || (assets && existsSync(join(assets, name))));
}

/** Which toolchain go.mod selects and for which system, such as `go1.25.0-linux-amd64`; undefined without Go. */
function goVersion() {
  const options = { cwd: moduleFolder('kubernetes'), env: GO_ENVIRONMENT, stdio: ['ignore', 'pipe', 'inherit'] };
  const { error, status, stdout } = spawnSync('go', ['env', 'GOVERSION', 'GOOS', 'GOARCH'], options);
  if (error?.code === 'ENOENT') return undefined;
  if (error || status !== 0) throw error ?? new Error(`go env failed with exit code ${status}`);
  return stdout.toString().trim().split(/\s+/).join('-');
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

async function build({ name, module, package: path }, folder) {
  say(`building ${name} ...`);
  const started = performance.now();
  // Under its final name a binary is always whole: an interrupted build leaves only a file that the next one removes.
  const unfinished = join(folder, `.${name}.${process.pid}.tmp`);
  const flags = ['-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags', linkerFlags(module)];
  try {
    await go(module, ['build', ...flags, '-o', unfinished, path]);
    renameSync(unfinished, join(folder, name));
  } finally {
    rmSync(unfinished, { force: true });
  }
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

/** Runs go; what it says goes to stderr. Whoever stops this program stops go as well, which would build on for minutes. */
async function go(module, args) {
  const child = spawn('go', args, { cwd: moduleFolder(module), env: GO_ENVIRONMENT, stdio: ['ignore', 2, 2] });
  const stop = (signal) => child.kill(signal);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, stop);
  const [code, signal] = await once(child, 'exit');
  for (const signal of signals) process.off(signal, stop);
  if (code !== 0) throw new Error(`go ${args[0]} failed: ${signal ?? `exit code ${code}`}`);
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
