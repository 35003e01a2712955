/** A cluster with the program in front of it: what the end-to-end tests on a real API server share. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { type Answer, callApi } from '../../support/cluster/api.ts';
import { type Cluster, type ClusterOptions, startCluster } from '../../support/cluster.ts';
import { fileWith, newFolder, type Outcome, type Running, type RunOptions, run, start } from '../../support/program.ts';
import {
  LEDGER,
  PLATFORM,
  RECORD,
  type SpecParts,
  type StoredRecord,
  specFile,
  verifyInstallation,
} from '../program/store.ts';

/** How long a cluster may take to start where the machine is busy. */
export const START_MS = 180_000;

/** Every namespace of the default spec. */
export const NAMESPACES = ['cp-system', PLATFORM, 'jet-system', LEDGER, 'ui-system'];

/** An object as the API server has it. */
export interface ApiObject {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly [field: string]: unknown;
  };
  readonly type?: string;
  readonly immutable?: boolean;
  readonly data?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

export type Objects = ReadonlyMap<string, ApiObject>;

export interface Bed {
  readonly cluster: Cluster;
  /** Of the administrator. */
  readonly kubeconfig: string;
  /** Starts the program as the administrator, unless the environment is given another kubeconfig. */
  start(args: readonly string[], options?: RunOptions): Running;
  run(args: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Throws with what the program said where it does not end with 0. */
  runWell(args: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** As the administrator, to the API server itself. */
  api(method: string, at: string, body?: unknown): Promise<Answer>;
  /** As kubectl, which has to succeed; returns what it printed. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** All Secrets and ConfigMaps that palette-keys manages, by `Secret/namespace/name`. */
  objects(): Promise<Objects>;
  /** Deletes a namespace and all that is in it, at once; a namespace controller takes five seconds and more. */
  drop(namespace: string): Promise<void>;
  /** So with every namespace that the cluster did not come with. */
  empty(): Promise<void>;
  stop(): Promise<void>;
}

export async function startBed(options: ClusterOptions = {}): Promise<Bed> {
  const cluster = await startCluster(options);
  const kubeconfig = await cluster.kubeconfig();
  const inCluster = ({ env, ...rest }: RunOptions = {}) => ({ ...rest, env: { KUBECONFIG: kubeconfig, ...env } });
  const api: Bed['api'] = (method, at, body) =>
    callApi(`${cluster.url}${at}`, cluster.caPem, {
      method,
      token: cluster.token(),
      body: body === undefined ? undefined : JSON.stringify(body),
      contentType: method === 'PATCH' ? 'application/merge-patch+json' : undefined,
    });
  const kubectl: Bed['kubectl'] = async (args, input) => {
    const { code, stdout, stderr } = await cluster.kubectl(args, { input, kubeconfig });
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}: ${stderr}`);
    return stdout;
  };
  const bed: Bed = {
    cluster,
    kubeconfig,
    start: (args, given) => start(args, inCluster(given)),
    run: (args, given) => run(args, inCluster(given)),
    runWell: async (args, given) => {
      const outcome = await run(args, inCluster(given));
      if (outcome.code === 0) return outcome;
      throw new Error(`${args.join(' ')} ended with ${outcome.code ?? outcome.signal}:\n${outcome.stderr}`);
    },
    api,
    kubectl,
    objects: () => readObjects(api),
    drop: (namespace) => drop(api, namespace),
    empty: () => empty(api),
    stop: () => cluster.stop(),
  };
  return bed;
}

async function readObjects(api: Bed['api']): Promise<Objects> {
  const query = '?labelSelector=app.kubernetes.io/managed-by=palette-keys';
  const kinds = [
    ['secrets', 'Secret'],
    ['configmaps', 'ConfigMap'],
  ] as const;
  const lists = await Promise.all(
    kinds.map(async ([resource, kind]) => {
      const { status, body } = await api('GET', `/api/v1/${resource}${query}`);
      if (status !== 200) throw new Error(`listing ${resource}: HTTP ${status} ${body}`);
      return (JSON.parse(body) as { items: ApiObject[] }).items.map((item): [string, ApiObject] => [
        `${kind}/${item.metadata.namespace}/${item.metadata.name}`,
        { ...item, kind },
      ]);
    }),
  );
  return new Map(lists.flat().sort(([a], [b]) => (a < b ? -1 : 1)));
}

const CONTENTS = [
  ...['secrets', 'configmaps', 'events', 'pods', 'serviceaccounts', 'resourcequotas'].map(
    (name) => `/api/v1/N/${name}`,
  ),
  '/apis/coordination.k8s.io/v1/N/leases',
  '/apis/rbac.authorization.k8s.io/v1/N/rolebindings',
  '/apis/rbac.authorization.k8s.io/v1/N/roles',
];

async function empty(api: Bed['api']): Promise<void> {
  const names = async () => {
    const { items } = JSON.parse((await api('GET', '/api/v1/namespaces')).body) as { items: ApiObject[] };
    return items.map(({ metadata }) => metadata.name).filter((name) => !/^(default|kube-.*)$/.test(name));
  };
  await Promise.all((await names()).map((name) => drop(api, name)));
  const left = await names();
  if (left.length > 0) throw new Error(`namespaces are still there: ${left.join(', ')}`);
}

/** A namespace is emptied and then declared empty, as the namespace controller would do it. */
async function drop(api: Bed['api'], name: string): Promise<void> {
  await api('DELETE', `/api/v1/namespaces/${name}`);
  for (const place of CONTENTS) {
    const { status, body } = await api('DELETE', place.replace('N', `namespaces/${name}`));
    if (status !== 200) throw new Error(`deleting ${place} in ${name}: HTTP ${status} ${body}`);
  }
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name }, spec: { finalizers: [] } };
  await api('PUT', `/api/v1/namespaces/${name}/finalize`, body);
}

/** An entry as bytes. */
export function bytesOf(objects: Objects, ref: string, entry: string): Buffer {
  const object = objects.get(ref);
  const text = object?.data?.[entry];
  if (text === undefined) throw new Error(`${ref} has no entry ${entry}`);
  return Buffer.from(text, object?.kind === 'Secret' ? 'base64' : 'utf8');
}

export function recordOf(objects: Objects, ref = RECORD): StoredRecord {
  return JSON.parse(bytesOf(objects, ref, 'record.json').toString()) as StoredRecord;
}

/** Kind and number of every version with its kid, fingerprint and state: what a restored installation has to have again. */
export function keysOf(objects: Objects, ref = RECORD): readonly string[] {
  return Object.entries(recordOf(objects, ref).keys)
    .flatMap(([kind, { versions }]) =>
      versions.map((version) => {
        const { n, kid, state } = version;
        const { fingerprint } = version as { fingerprint?: string };
        return `${kind} v${n} ${kid} ${state} ${fingerprint ?? '-'}`;
      }),
    )
    .sort();
}

/** The ledger's entries: name → all that is in them. An entry never changes, metadata included. */
export function ledgerOf(objects: Objects): ReadonlyMap<string, string> {
  const entries = [...objects].filter(([ref]) => /^Secret\/.*key-[a-z-]+-v\d+$/.test(ref));
  return new Map(entries.map(([ref, object]) => [ref, JSON.stringify(object)]));
}

/** Bytes of the ledger's entries, whoever made the objects. */
export function ledgerBytes(objects: Objects): Readonly<Record<string, unknown>> {
  const names = [...ledgerOf(objects).keys()];
  return Object.fromEntries(names.map((ref) => [ref, objects.get(ref)?.data]));
}

/** Object → resourceVersion. */
export function versionsOf(objects: Objects): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...objects].map(([ref, { metadata }]) => [ref, `${metadata.uid} ${metadata.resourceVersion}`]),
  );
}

/** Proves what is in the cluster by other code than the program's: it is written down as a folder first. */
export async function verdictOn(objects: Objects): Promise<string> {
  const { stdout, stderr } = await verifyInstallation(asFolder(objects));
  return stdout + stderr;
}

/** The objects as manifests, as `init --dir` lays them out. */
function asFolder(objects: Objects): string {
  const root = newFolder();
  chmodSync(root, 0o700);
  const write = (file: string, lines: readonly string[]): void => {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true, mode: 0o700 });
    writeFileSync(path.join(root, file), `${lines.join('\n')}\n`, { mode: 0o600 });
  };
  write('.gitignore', ['*']);
  const namespaces = [...new Set([...objects.values()].map(({ metadata }) => metadata.namespace))];
  const listed = namespaces.map((name) => `---\napiVersion: "v1"\nkind: "Namespace"\nmetadata:\n  name: "${name}"`);
  write('00-namespaces.yaml', listed);
  for (const { kind, type, immutable, data, metadata } of objects.values()) {
    const { name, namespace, labels, annotations } = metadata;
    const folder = kind === 'Secret' ? 'secrets' : 'configmaps';
    const said = { apiVersion: 'v1', kind, type, immutable, metadata: { name, namespace, labels, annotations }, data };
    write(`${namespace}/${folder}/${name}.yaml`, toYaml(said, ''));
  }
  return root;
}

/** Only what manifests need. JSON strings are YAML strings. */
function toYaml(value: object, indent: string): readonly string[] {
  return Object.entries(value).flatMap(([key, found]: [string, unknown]) => {
    if (found === undefined) return [];
    if (typeof found !== 'object' || found === null)
      return [`${indent}${JSON.stringify(key)}: ${JSON.stringify(found)}`];
    return [`${indent}${JSON.stringify(key)}:`, ...toYaml(found, `${indent}  `)];
  });
}

/** Where an installation stands; its namespaces are nobody else's, so that many tests may run on one cluster at once. */
export interface Place {
  readonly namespace: string;
  readonly ledgerNamespace: string;
  /** A file with a spec for it. */
  readonly config: string;
}

/** Three certificates and small CAs, for where the point is how they get there. */
export const TINY: SpecParts = {
  internalCA: { keySize: 2048 },
  clusterCA: { keySize: 2048 },
  serviceCertificates: { services: [] },
  messageBus: {},
};

let places = 0;

export function newPlace(parts: SpecParts = TINY): Place {
  places += 1;
  const place = { namespace: `p${places}`, ledgerNamespace: `p${places}-keys` };
  return { ...place, config: specFile({ ...parts, ...place }) };
}

export function objectsIn({ namespace, ledgerNamespace }: Place, objects: Objects): Objects {
  const ours = [...objects].filter(([, { metadata }]) => [namespace, ledgerNamespace].includes(metadata.namespace));
  return new Map(ours);
}

/** What a backup is made for, and the file of what opens it. */
export async function ageKeys(): Promise<{ readonly recipient: string; readonly identity: string }> {
  const identity = await generateX25519Identity();
  return { recipient: await identityToRecipient(identity), identity: fileWith(`${identity}\n`, 'safe.key') };
}
