// On a real API server: how many requests `init` and `status` send, and `status` against kubectl reading the same objects.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findAssetsOrSkip, startCluster } from '../test/support/cluster.ts';
import { startFaultProxy } from '../test/support/fault-proxy.ts';
import { medians, report } from './measure.mjs';

const program = fileURLToPath(new URL('../bin/palette-keys.js', import.meta.url));
const { execPath: node } = process;
const ROUNDS = 11;

export async function run() {
  const assets = findAssetsOrSkip();
  if (assets === undefined) return true;
  const folder = mkdtempSync(path.join(tmpdir(), 'palette-keys-bench-'));
  const cluster = await startCluster({ assets });
  try {
    const counted = await countRequests(cluster, folder);
    return [counted, await compareWithKubectl(cluster, folder)].every(Boolean);
  } finally {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A first `init`, a second one and `status`, of the built-in spec. */
async function countRequests(cluster, folder) {
  const proxy = await startFaultProxy({ target: cluster });
  try {
    const kubeconfig = await cluster.kubeconfig('admin', { server: proxy });
    const requestsOf = async (...args) => {
      const before = proxy.requests.length;
      await succeed([program, ...args, '-q', '--kubeconfig', kubeconfig], folder);
      return proxy.requests.slice(before).map(({ method, path: at }) => `${method} ${at.replace(/\?.*/, '')}`);
    };
    const first = await requestsOf('init', '--create-namespaces');
    const second = await requestsOf('init');
    const status = await requestsOf('status');
    const { making, reading } = minimum(first, second);
    console.log(`\nrequests to the API server${' '.repeat(11)}sent   least`);
    return [
      tell('first init, namespaces included', first.length, making),
      tell('second init', second.length, reading),
      tell('status', status.length, reading),
    ].every(Boolean);
  } finally {
    await proxy.stop();
  }
}

/** What the contract makes necessary: [how many, what for]. */
function minimum(first, second) {
  const count = (requests, pattern) => requests.filter((request) => pattern.test(request)).length;
  const namespaces = count(first, /^POST \S+\/v1\/namespaces$/);
  const reviews = count(first, /^POST .*selfsubjectaccessreviews$/);
  const ledger = count(first, /^POST \S+palette-keys-system\/secrets$/);
  const projections = count(second, /^GET \S+\/(secrets|configmaps)\/palette-(?!keys-)\S+$/);
  const lists = 2; // Secrets and ConfigMaps of the ledger's namespace
  const reading = [
    [lists, 'the ledger: one LIST each of Secrets and ConfigMaps'],
    [projections, 'a GET for each projection, for nobody may list what is not theirs'],
  ];
  const names = ledger + 2 + 2; // of the ledger's entries, record and audit log, and of CAs made by hand
  const making = [
    [lists + projections + namespaces + names, 'the plan, made unlocked: what is there, and who has the names'],
    [1 + reviews, 'preflight: version and clock in one answer, a review for each right'],
    [2 + 2 + 1, 'the lease: GET and POST, which finds no namespace for it; the same again; PUT to give it back'],
    [lists + projections + namespaces + names, 'all of it again under the lock'],
    [namespaces + ledger, 'namespaces and ledger entries'],
    [lists + 1, 'the ledger as it stands then, for who created first decides; and no record without labels'],
    [2 + projections + 1, 'record, read back; projections; and the record again, as it may have moved on'],
    [lists + projections, 'all of it read back, before it is called ready'],
    [2 + 3, 'the audit record; the ready mark, compared before and after'],
    [namespaces, 'an Event in each namespace'],
  ];
  return { making, reading };
}

function tell(what, sent, parts) {
  const least = parts.reduce((sum, [count]) => sum + count, 0);
  const verdict = sent <= least ? 'met' : `MISSED by ${sent - least}`;
  console.log(`${what.padEnd(34)} ${String(sent).padStart(6)} ${String(least).padStart(7)}   ${verdict}`);
  for (const [count, reason] of parts) console.log(`${String(count).padStart(49)}   ${reason}`);
  return sent <= least;
}

async function compareWithKubectl(cluster, folder) {
  const kubeconfig = await cluster.kubeconfig();
  const login = [`--kubeconfig=${kubeconfig}`];
  const ours = ['-A', '-l', 'app.kubernetes.io/managed-by=palette-keys'];
  const cache = `--cache-dir=${path.join(folder, 'cache')}`;
  const kubectl = [cluster.assets.kubectl, ...login, cache, 'get', 'secrets,configmaps', ...ours, '-o', 'json'];
  const times = medians(
    [
      { name: 'status', argv: () => [node, program, 'status', '-q', ...login] },
      { name: 'kubectl', argv: () => kubectl },
    ],
    ROUNDS,
  );
  console.log(`\nmedians of ${ROUNDS} runs in turn${' '.repeat(14)}ours   theirs  ratio   limit`);
  return report('status / kubectl get -o json', times.get('status'), times.get('kubectl'), 2.5);
}

function succeed(args, cwd) {
  const child = spawn(node, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    said += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${args.slice(1).join(' ')} ended with ${code}: ${said}`));
    });
  });
}
