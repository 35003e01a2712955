// Rotating the internal CA of an installation with many services on a real API server. Its promotion issues every leaf
// anew: that is held against what it cannot do without, the generation of their keys, which is timed before and after. The
// other two steps, days before and after it, write each Secret once and make no key: they are in the time of the whole road.
// Besides, how many requests each Secret takes, and how much memory.
//
//   node bench/rotation.mjs [SERVICES]
import { spawn } from 'node:child_process';
import { generateKeyPair } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findAssetsOrSkip, startCluster } from '../test/support/cluster.ts';
import { startFaultProxy } from '../test/support/fault-proxy.ts';

const program = fileURLToPath(new URL('../bin/palette-keys.js', import.meta.url));
const { execPath: node } = process;
/** Published and trusted everywhere; promoted, with all leaves reissued; the old CA retired. */
const TRANSITIONS = 3;
const LEAST_RATIO = 0.8;
const MOST_REQUESTS = 3;
/** Of what a tenth of the services takes: all of them are read, and none of them may stay longer than it is needed. */
const MOST_MEMORY = 2;
const ROTATE = ['rotate', 'internal-ca', '-y', '-q'];

export async function run(services = 1000) {
  const assets = findAssetsOrSkip();
  if (assets === undefined) return true;
  const folder = mkdtempSync(path.join(tmpdir(), 'palette-keys-bench-'));
  try {
    console.log(`\nrotation of the internal CA${' '.repeat(15)}services   measured`);
    const few = await withInstallation(assets, folder, Math.ceil(services / 10), rotate);
    const first = await generateKeys(services);
    const many = await withInstallation(assets, folder, services, rotate);
    const keys = (first + (await generateKeys(services))) / 2;
    const ratio = keys / many.promotion;
    return [
      tell('requests per Secret and transition', few.services, few.requests, few.requests <= MOST_REQUESTS),
      tell(
        `key generation ${keys.toFixed(0)} s / promotion ${many.promotion.toFixed(0)} s`,
        services,
        ratio,
        ratio >= LEAST_RATIO,
      ),
      tell('the whole road, s', services, many.seconds, true),
      tell('peak memory, MB', few.services, few.peak, true),
      tell('peak memory, MB', services, many.peak, many.peak <= MOST_MEMORY * few.peak),
    ].every(Boolean);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function withInstallation(assets, folder, services, work) {
  const cluster = await startCluster({ assets });
  try {
    const names = Array.from({ length: services }, (_, i) => `{ name: svc${i} }`);
    const spec = path.join(folder, `spec-${services}.yaml`);
    writeFileSync(
      spec,
      `apiVersion: palette-keys/v1\nkind: Installation\nserviceCertificates: { services: [${names.join(', ')}] }\n`,
    );
    const kubeconfig = await cluster.kubeconfig();
    await succeed(['init', '--config', spec, '--create-namespaces', '-q', '--kubeconfig', kubeconfig], folder);
    return await work(cluster, services, folder);
  } finally {
    await cluster.stop();
  }
}

/** The whole road, once directly for the time and once through a proxy that counts. */
async function rotate(cluster, services, folder) {
  const begun = performance.now();
  const peak = await rotateToTheEnd(['--kubeconfig', await cluster.kubeconfig()], folder);
  const seconds = (performance.now() - begun) / 1000;
  const promotion = await promotionOf(await cluster.kubeconfig(), folder);
  return { services, seconds, promotion, peak, requests: await countRequests(cluster, folder) };
}

/** Seconds from the record of the promotion to that of the next step: all leaves are issued, written and read back. */
async function promotionOf(kubeconfig, folder) {
  const { stdout } = await succeed(['status', '-o', 'json', '--kubeconfig', kubeconfig], folder);
  const { versions } = JSON.parse(stdout).keys.find(({ key }) => key === 'internal-ca');
  const since = (n) => Date.parse(versions.find((version) => version.n === n).since);
  return (since(1) - since(2)) / 1000;
}

/** Three runs: no Pod is there to be seen, so each but the first is vouched for. Peak memory in MB. */
async function rotateToTheEnd(login, folder) {
  let { peak, generation } = await turn(['--again'], login, folder);
  for (let n = 1; n < TRANSITIONS; n++) {
    const next = await turn([`--assume-consumers-current=${generation}`], login, folder);
    peak = Math.max(peak, next.peak);
    generation = next.generation;
  }
  return peak;
}

async function turn(flags, login, folder) {
  const { stdout, peak } = await succeed([...ROTATE, ...flags, '-o', 'json', ...login], folder, [0, 6]);
  return { peak, generation: JSON.parse(stdout).generation };
}

async function countRequests(cluster, folder) {
  const proxy = await startFaultProxy({ target: cluster });
  try {
    const login = ['--kubeconfig', await cluster.kubeconfig('admin', { server: proxy })];
    const before = proxy.requests.length;
    await rotateToTheEnd(login, folder);
    const about = proxy.requests.slice(before).filter(({ path: at }) => /\/secrets\/palette-svc0-tls(\?|$)/.test(at));
    // Each of the three runs looks once besides, and a last look finds that nothing is left to do.
    return (about.length - TRANSITIONS) / TRANSITIONS;
  } finally {
    await proxy.stop();
  }
}

/** Seconds for that many keys with nothing else to do. */
async function generateKeys(count) {
  const generate = promisify(generateKeyPair);
  const begun = performance.now();
  await Promise.all(Array.from({ length: count }, () => generate('rsa', { modulusLength: 2048 })));
  return (performance.now() - begun) / 1000;
}

function tell(what, services, value, met) {
  console.log(
    `${what.padEnd(40)} ${String(services).padStart(8)} ${value.toFixed(2).padStart(10)}   ${met ? 'met' : 'MISSED'}`,
  );
  return met;
}

function succeed(args, cwd, codes = [0]) {
  const child = spawn(node, [program, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, said, peak] = ['', '', 0];
  child.stdout.setEncoding('utf8').on('data', (chunk) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk) => (said += chunk));
  const watch = setInterval(() => (peak = Math.max(peak, peakOf(child.pid))), 200);
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => {
      clearInterval(watch);
      if (codes.includes(code)) resolve({ stdout, peak });
      else reject(new Error(`${args.join(' ')} ended with ${code}: ${said}`));
    });
  });
}

/** Megabytes; Linux alone tells. */
function peakOf(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = (await run(Number(process.argv[2] ?? 1000))) ? 0 : 1;
}
