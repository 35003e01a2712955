/** What `init` puts into a cluster, seen with other eyes: kubectl's, etcd's, and those of the API server's audit log. */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LeakFinder } from '../../support/canary.ts';
import { findAssetsOrSkip } from '../../support/cluster.ts';
import { newPath, project, runWell } from '../../support/program.ts';
import { chanceBytes } from '../../support/seed.ts';
import { AUDIT, doings, type InitResult, LEDGER, PLATFORM, RECORD, specFile } from '../program/store.ts';
import {
  type ApiObject,
  type Bed,
  bytesOf,
  ledgerBytes,
  NAMESPACES,
  type Objects,
  recordOf,
  START_MS,
  startBed,
  verdictOn,
  versionsOf,
} from './bed.ts';

const randomBytes = chanceBytes('objects');

const assets = findAssetsOrSkip();

/** Bodies of everything but Secrets, whose bodies an audit log must never hold. */
const BODIES = [
  { level: 'Metadata', resources: [{ group: '', resources: ['secrets'] }] },
  { level: 'RequestResponse' },
] as const;

const OPAQUE = ['Opaque', undefined] as const;
const TLS = ['kubernetes.io/tls', undefined] as const;
const LEDGER_ENTRY = ['Opaque', true] as const;
const CONFIG_MAP = [undefined, undefined] as const;
const LEAF = ['ca.crt', 'tls.crt', 'tls.key'];
const VERSION = ['alg', 'createdAt', 'kid', 'kind'];

type Expected = readonly [look: readonly [type: string | undefined, immutable: true | undefined], entries: string[]];

function versions(kinds: readonly string[], ...material: string[]): Readonly<Record<string, Expected>> {
  const one = (kind: string): [string, Expected] => [
    `Secret/${LEDGER}/palette-key-${kind}-v1`,
    [LEDGER_ENTRY, [...VERSION, ...material].sort()],
  ];
  return Object.fromEntries(kinds.map(one));
}

/** The contract's section 3 for the built-in spec with a message bus. */
const EXPECTED: Readonly<Record<string, Expected>> = {
  ...versions(['root-key', 'hash-salt'], 'key'),
  ...versions(['internal-ca', 'cluster-ca'], 'key.pem', 'tls.crt'),
  ...versions(['jwt-signing-key'], 'key.pem'),
  ...versions(['message-bus-operator', 'message-bus-signing-key', 'message-bus-system-account'], 'key.pem'),
  ...versions(['mongodb-auth'], 'username', 'password', 'keyfile'),
  [RECORD]: [CONFIG_MAP, ['record.json']],
  [AUDIT]: [CONFIG_MAP, ['audit.jsonl', 'spec.json']],
  [`Secret/${PLATFORM}/palette-root-key`]: [OPAQUE, ['key', 'keyring.json', 'kid']],
  [`Secret/${PLATFORM}/palette-jwt-signing-key`]: [OPAQUE, ['alg', 'jwks.json', 'kid', 'signing-key.pem']],
  [`ConfigMap/${PLATFORM}/palette-jwks`]: [CONFIG_MAP, ['jwks.json']],
  [`Secret/${PLATFORM}/palette-hash-salt`]: [OPAQUE, ['keyring.json', 'kid', 'salt']],
  [`Secret/${PLATFORM}/palette-mongodb-tls`]: [TLS, [...LEAF, 'tls-combined.pem'].sort()],
  [`Secret/${PLATFORM}/palette-mongodb-auth`]: [OPAQUE, ['keyfile', 'password', 'uri', 'username']],
  [`Secret/${PLATFORM}/palette-grpc-tls`]: [TLS, [...LEAF, 'client-ca.crt'].sort()],
  [`Secret/${PLATFORM}/palette-message-bus-tls`]: [TLS, LEAF],
  [`Secret/${PLATFORM}/palette-message-bus-auth`]: [OPAQUE, ['nats.conf', 'operator.jwt']],
  ...Object.fromEntries(
    ['cp-system', PLATFORM, 'jet-system', 'ui-system'].map((namespace) => [
      `ConfigMap/${namespace}/palette-internal-ca-bundle`,
      [CONFIG_MAP, ['ca.crt']],
    ]),
  ),
  ...Object.fromEntries(
    [
      ...[
        ...['auth', 'user', 'system', 'configserver', 'mgmt', 'memstore', 'foreq', 'cloud', 'event', 'hashboard'],
        ...['hutil', 'oci-proxy', 'packsync', 'spectro-tunnel', 'spectrocluster', 'spectrocluster-jobs', 'spectrossh'],
        'timeseries',
      ].map((name) => `${PLATFORM}/${name}`),
      ...['ui-system/ui', 'cp-system/cp', 'jet-system/jet'],
    ].map((place) => [`Secret/${place.replace('/', '/palette-')}-tls`, [TLS, LEAF]]),
  ),
};

const isBook = (ref: string) => ref === RECORD || ref === AUDIT;
const isLedger = (ref: string) => /-v1$/.test(ref);

describe.skipIf(assets === undefined)('init on a cluster', { timeout: START_MS }, () => {
  let bed: Bed;
  let made: Objects;

  beforeAll(async () => {
    bed = await startBed({ audit: BODIES });
    await bed.runWell(['init', '--create-namespaces', '-q', '--config', specFile({ messageBus: {} })]);
    made = await bed.objects();
  }, START_MS);

  afterAll(() => bed?.stop());

  /** Everything in the namespaces that anybody could have written, with its resourceVersion. */
  async function everything(): Promise<readonly string[]> {
    const kinds = 'secrets,configmaps,leases,events,serviceaccounts,namespaces';
    const { items } = JSON.parse(await bed.kubectl(['get', kinds, '-A', '-o', 'json'])) as { items: ApiObject[] };
    return items
      .filter(({ metadata }) => !/^(default|kube-.*)$/.test(metadata.namespace ?? metadata.name))
      .map(({ kind, metadata: { namespace, name, resourceVersion } }) =>
        [kind, namespace, name, resourceVersion].join(' '),
      )
      .sort();
  }

  describe('as kubectl sees it', () => {
    let seen: ReadonlyMap<string, ApiObject>;

    beforeAll(async () => {
      const text = await bed.kubectl(['get', 'secrets,configmaps', '-A', '-o', 'json']);
      const { items } = JSON.parse(text) as { items: ApiObject[] };
      const ours = items.filter(({ metadata }) => NAMESPACES.includes(metadata.namespace));
      seen = new Map(ours.map((item) => [`${item.kind}/${item.metadata.namespace}/${item.metadata.name}`, item]));
    });

    it('makes the objects of the contract, and no others', () => {
      expect([...seen.keys()].sort()).toEqual(Object.keys(EXPECTED).sort());
    });

    it('gives each its type, its immutability and its entries, in data', () => {
      const looks = [...seen].map(([ref, { type, immutable, data }]) => [
        ref,
        [[type, immutable], Object.keys(data ?? {}).sort()],
      ]);
      expect(Object.fromEntries(looks)).toEqual(EXPECTED);
      for (const [ref, object] of seen) {
        expect(object, ref).not.toHaveProperty('stringData');
        expect(object, ref).not.toHaveProperty('binaryData');
      }
    });

    it('labels and annotates them so that Helm and Argo CD leave them alone', () => {
      const { installationId } = recordOf(made);
      for (const [ref, { metadata }] of seen) {
        expect(metadata.labels, ref).toEqual({
          'app.kubernetes.io/name': 'palette-keys',
          'app.kubernetes.io/managed-by': 'palette-keys',
          'app.kubernetes.io/part-of': 'palette',
          'palette-keys.dev/installation': installationId,
          'palette-keys.dev/kind': expect.stringMatching(/^[a-z-]+$/),
        });
        expect(metadata.annotations, ref).toEqual({
          'helm.sh/resource-policy': 'keep',
          'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
          'palette-keys.dev/version': expect.stringMatching(/^\d+\.\d+\.\d+$/),
          ...(isLedger(ref) || isBook(ref) ? {} : { 'palette-keys.dev/generation': '1' }),
          // SHA-256 of the spec that the first run began with.
          ...(ref.endsWith('-root-key-v1') ? { 'palette-keys.dev/spec': expect.stringMatching(/^[0-9a-f]{64}$/) } : {}),
        });
        expect(metadata, ref).not.toHaveProperty('ownerReferences');
        expect(metadata, ref).not.toHaveProperty('finalizers');
      }
    });

    it('writes by create and update, never by server-side apply, which lets anybody of that name overwrite', () => {
      for (const [ref, { metadata }] of seen) {
        const fields = (metadata['managedFields'] ?? []) as { manager: string; operation: string }[];
        const managers = fields.map(({ manager, operation }) => `${manager} ${operation}`);
        // Without --show-managed-fields kubectl leaves them out; the API server's own answer is looked at then.
        const stored = (made.get(ref)?.metadata['managedFields'] ?? []) as typeof fields;
        expect([...managers, ...stored.map(({ manager, operation }) => `${manager} ${operation}`)]).toEqual([
          'palette-keys Update',
        ]);
      }
    });

    it('makes the namespaces without labels of its own', async () => {
      const { items } = JSON.parse(await bed.kubectl(['get', 'namespaces', '-o', 'json'])) as { items: ApiObject[] };
      const labels = items
        .filter(({ metadata }) => NAMESPACES.includes(metadata.name))
        .map(({ metadata }) => [metadata.name, metadata.labels]);
      expect(Object.fromEntries(labels)).toEqual(
        Object.fromEntries(NAMESPACES.map((name) => [name, { 'kubernetes.io/metadata.name': name }])),
      );
    });

    it('has a ledger whose bytes kubectl cannot change', async () => {
      const patch = JSON.stringify({ data: { key: randomBytes(32).toString('base64') } });
      const args = ['patch', 'secret', 'palette-key-root-key-v1', '-n', LEDGER, '-p', patch];
      const { code, stderr } = await bed.cluster.kubectl(args);
      expect([code, stderr]).toEqual([1, expect.stringContaining('field is immutable when `immutable` is set')]);
    });
  });

  it('makes keys that fit, in the eyes of other code than its own', async () => {
    expect(await verdictOn(made)).toBe('everything fits\n');
  });

  it('changes nothing when it is run again, nor does status: no resourceVersion moves, no Event is made', async () => {
    const before = await everything();
    const again = await bed.runWell(['init', '-o', 'json']);
    expect(doings(JSON.parse(again.stdout) as InitResult)).toEqual([]);
    await bed.runWell(['init', '--yes', '--create-namespaces', '--config', specFile({ messageBus: {} })]);
    await bed.runWell(['status']);
    await bed.runWell(['init', '--dry-run']);
    expect(await everything()).toEqual(before);
  });

  describe('tells what it did', () => {
    it('by one Event in each namespace, which names the command, the user and the first of the objects', async () => {
      const { items } = JSON.parse(await bed.kubectl(['get', 'events', '-A', '-o', 'json'])) as {
        items: (ApiObject & { message: string; involvedObject: Record<string, string> })[];
      };
      const ours = items.filter(({ metadata }) => NAMESPACES.includes(metadata.namespace));
      expect(ours.map(({ metadata }) => metadata.namespace).sort()).toEqual(NAMESPACES);
      for (const { message, involvedObject, metadata, ...event } of ours) {
        const { kind, namespace, name } = involvedObject;
        expect(namespace).toBe(metadata.namespace);
        expect([...made.keys()]).toContain(`${kind}/${namespace}/${name}`);
        expect(message).toMatch(
          new RegExp(`^init by ${userInfo().username}: create ${kind}/${namespace}/${name}(, and \\d+ more objects|$)`),
        );
        expect(event).toMatchObject({ type: 'Normal', reason: 'KeysChanged', reportingComponent: 'palette-keys' });
      }
    });

    it('in its audit log, which names the user, the host, the command and every object', () => {
      const lines = bytesOf(made, AUDIT, 'audit.jsonl').toString().trimEnd().split('\n');
      const [line, ...more] = lines.map((text) => JSON.parse(text) as Record<string, unknown>);
      expect(more).toEqual([]);
      expect(line).toMatchObject({ command: 'init', user: userInfo().username, result: 'done', generation: 1 });
      const changes = line?.['changes'] as { object: string }[];
      expect(changes.map(({ object }) => object).sort()).toEqual([...made.keys()].filter((ref) => !isBook(ref)).sort());
    });

    it('without a byte of a key, in Events as in all else that the API server’s audit log has the bodies of', async () => {
      const finder = new LeakFinder();
      for (const [name, secret] of secretsIn(made)) finder.add(name, secret);
      const events = await bed.cluster.auditEvents();
      const told = events.filter(({ requestObject }) => requestObject !== undefined).map(({ objectRef }) => objectRef);
      expect(told.map((ref) => ref?.resource)).toEqual(
        expect.arrayContaining(['configmaps', 'events', 'leases', 'namespaces', 'selfsubjectaccessreviews']),
      );
      expect(finder.leaksIn(JSON.stringify(events))).toEqual([]);
      expect(finder.leaksIn(bytesOf(made, `Secret/${PLATFORM}/palette-root-key`, 'keyring.json'))).not.toEqual([]);
    });
  });

  describe('in etcd', () => {
    const TEMPLATE = path.join(project, 'templates/encryption-configuration.yaml');
    const rootKey = () => bytesOf(made, `Secret/${LEDGER}/palette-key-root-key-v1`, 'key');

    async function holders(): Promise<readonly string[]> {
      const entries = await bed.cluster.etcdGet('/registry/');
      return entries.filter(({ value }) => value.includes(rootKey())).map(({ key }) => key);
    }

    it('leaves the root key in the clear where the API server does not encrypt, and only in its two Secrets', async () => {
      const places = [`${PLATFORM}/palette-root-key`, `${LEDGER}/palette-key-root-key-v1`];
      expect(await holders()).toEqual(places.map((place) => `/registry/secrets/${place}`));
    });

    it('is encrypted with the EncryptionConfiguration of templates/, once all Secrets were written anew', async () => {
      const template = readFileSync(TEMPLATE, 'utf8');
      const encryptionConfig = template.replace(
        'PUT-32-RANDOM-BYTES-IN-BASE64-HERE',
        randomBytes(32).toString('base64'),
      );
      expect(encryptionConfig).not.toBe(template);
      await bed.cluster.restartApiServer({ encryptionConfig });
      await bed.runWell(['status']);
      expect(await holders()).not.toEqual([]);
      // As the template says.
      await bed.kubectl(['replace', '-f', '-'], await bed.kubectl(['get', 'secrets', '-A', '-o', 'json']));
      expect(await holders()).toEqual([]);
      const stored = await bed.cluster.etcdGet('/registry/secrets/');
      expect(stored.length).toBeGreaterThan(20);
      for (const { key, value } of stored) {
        expect(value.subarray(0, 30).toString('latin1'), key).toMatch(/^k8s:enc:secretbox:v1:key1:/);
      }
      const after = await bed.objects();
      expect(ledgerBytes(after)).toEqual(ledgerBytes(made));
    });

    it('is encrypted where init writes it from then on', async () => {
      await bed.kubectl(['delete', 'secret', 'palette-root-key', '-n', PLATFORM]);
      const { stdout } = await bed.runWell(['init', '-o', 'json']);
      expect(doings(JSON.parse(stdout) as InitResult)).toEqual([`restore Secret/${PLATFORM}/palette-root-key`]);
      expect(await holders()).toEqual([]);
      expect(await verdictOn(await bed.objects())).toBe('everything fits\n');
    });
  });

  describe('after init --dir and kubectl create -R -f into an empty cluster', () => {
    let carried: Objects;
    let folder: string;

    beforeAll(async () => {
      await bed.empty();
      folder = newPath();
      await runWell(['init', '--dir', folder, '-q', '--config', specFile()]);
      await bed.kubectl(['create', '-R', '-f', folder]);
      carried = await bed.objects();
    }, START_MS);

    it('the cluster holds what the folder held', async () => {
      const dir = await runWell(['status', '--dir', folder, '-o', 'json']);
      const cluster = await bed.runWell(['status', '-o', 'json']);
      expect(JSON.parse(cluster.stdout)).toEqual(JSON.parse(dir.stdout));
      expect(await verdictOn(carried)).toBe('everything fits\n');
    });

    it('kubectl has written no copy of a key into an annotation', () => {
      for (const [ref, { metadata }] of carried) {
        expect(Object.keys(metadata.annotations ?? {}), ref).not.toContain(
          'kubectl.kubernetes.io/last-applied-configuration',
        );
      }
    });

    it('status finds nothing, init has nothing to do, and nothing is written', async () => {
      const before = await everything();
      const { stdout } = await bed.runWell(['init', '-o', 'json']);
      const { counts, steps } = JSON.parse(stdout) as InitResult;
      expect(counts).toEqual({ create: 0, keep: steps.length, restore: 0, update: 0, blocked: 0 });
      expect(await everything()).toEqual(before);
      expect(versionsOf(await bed.objects())).toEqual(versionsOf(carried));
    });

    it('the cluster is the authority from then on: what is deleted there comes back from its own ledger', async () => {
      await bed.kubectl(['delete', 'secret', 'palette-hash-salt', '-n', PLATFORM]);
      await bed.runWell(['init']);
      const after = await bed.objects();
      expect(ledgerBytes(after)).toEqual(ledgerBytes(carried));
      expect(await verdictOn(after)).toBe('everything fits\n');
    });
  });
});

/** All that is secret in the objects, without the public parts that certificates hold too. */
function* secretsIn(objects: Objects): Generator<readonly [name: string, secret: Uint8Array]> {
  for (const [ref, { kind, data = {} }] of objects) {
    if (kind !== 'Secret') continue;
    for (const [entry, text] of Object.entries(data)) {
      const bytes = Buffer.from(text, 'base64');
      if (['key', 'salt', 'password', 'keyfile'].includes(entry)) yield [`${ref} ${entry}`, bytes];
      if (!['key.pem', 'tls.key', 'signing-key.pem'].includes(entry)) continue;
      const { d, p, q, dp, dq, qi } = createPrivateKey(bytes).export({ format: 'jwk' });
      for (const part of [d, p, q, dp, dq, qi]) {
        if (part !== undefined) yield [`${ref} ${entry}`, Buffer.from(part, 'base64url')];
      }
    }
  }
}
