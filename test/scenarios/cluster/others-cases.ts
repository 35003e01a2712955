import { execFileSync } from 'node:child_process';
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeServerCertificate } from '../../support/cluster/certificate.ts';
import { type Fault, type FaultProxy, type ProxiedRequest, startFaultProxy } from '../../support/fault-proxy.ts';
import { newFolder, type Outcome } from '../../support/program.ts';
import { chanceBytes } from '../../support/seed.ts';
import { codesOf, type InitResult, LEDGER, PLATFORM, specFile } from '../program/store.ts';
import { startWarm } from '../program/warm.ts';
import {
  type ApiObject,
  type Bed,
  bytesOf,
  ledgerOf,
  newPlace,
  type Objects,
  objectsIn,
  type Place,
  TINY,
  verdictOn,
} from './bed.ts';

const randomBytes = chanceBytes('others-cases');

type Said = Pick<Outcome, 'code' | 'stdout' | 'stderr'>;
type Data = Readonly<Record<string, string | Buffer>>;

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** What others have put there before: their runs, their Secrets of our names, and what they would lose by us. */
export function othersCases(bedOf: () => Bed): void {
  const warm = startWarm(2);
  const proxies: FaultProxy[] = [];

  afterAll(() => Promise.all(proxies.map((proxy) => proxy.stop())));

  const init = ({ config }: Place, ...flags: string[]): Promise<Said> =>
    warm.run(['init', '-o', 'json', '--config', config, '--kubeconfig', bedOf().kubeconfig, ...flags]);

  const madeIn = async (place: Place) => objectsIn(place, await bedOf().objects());

  /** The place, with its namespaces. */
  async function newNamespaces(): Promise<Place> {
    const place = newPlace();
    await addNamespaces(place);
    return place;
  }

  async function addNamespaces({ namespace, ledgerNamespace }: Place): Promise<void> {
    for (const name of [namespace, ledgerNamespace]) {
      await bedOf().api('POST', '/api/v1/namespaces', { metadata: { name } });
    }
  }

  async function behind(fault: (request: ProxiedRequest) => Fault | undefined) {
    const proxy = await startFaultProxy({ target: bedOf().cluster, fault });
    proxies.push(proxy);
    return { proxy, kubeconfig: await bedOf().cluster.kubeconfig('admin', { server: proxy }) };
  }

  const isRecord = ({ method, path: at }: { method: string; path: string }) =>
    method === 'POST' && /-(keys|system)\/configmaps\?/.test(at);

  /** Everything of a kind in a namespace, whoever made it, by name. */
  async function inNamespace(namespace: string, resource = 'secrets'): Promise<ReadonlyMap<string, ApiObject>> {
    const { items } = JSON.parse((await bedOf().api('GET', `/api/v1/namespaces/${namespace}/${resource}`)).body);
    return new Map((items as ApiObject[]).map((item) => [item.metadata.name, item]));
  }

  /** Enough to tell whether anything was written, and nothing that a failing test would print. */
  async function versionsIn(namespace: string): Promise<readonly string[]> {
    const secrets = [...(await inNamespace(namespace)).values()];
    return secrets.map(({ metadata: { name, uid, resourceVersion } }) => `${name} ${uid} ${resourceVersion}`);
  }

  describe('the lock', () => {
    /** In the place of the default: `status` looks nowhere else. */
    const place: Place = { namespace: PLATFORM, ledgerNamespace: LEDGER, config: specFile(TINY) };
    const at = `/apis/coordination.k8s.io/v1/namespaces/${LEDGER}/leases`;

    beforeEach(async () => {
      await bedOf().empty();
      await addNamespaces(place);
    });

    /** As `kubectl create` and other programs make leases: with a holder, and no more about it. */
    async function hold(secondsAgo: number, holderIdentity = 'carol@laptop 4711 init'): Promise<void> {
      const time = new Date(Date.now() - secondsAgo * 1000).toISOString().replace('Z', '000Z');
      const spec = { holderIdentity, leaseDurationSeconds: 30, acquireTime: time, renewTime: time };
      const { status, body } = await bedOf().api('POST', at, { metadata: { name: 'palette-keys' }, spec });
      if (status !== 201) throw new Error(body);
    }

    async function lease(): Promise<ApiObject & { spec: Record<string, unknown> }> {
      return JSON.parse((await bedOf().api('GET', `${at}/palette-keys`)).body);
    }

    function expectLocked({ code, stdout, stderr }: Said): void {
      expect(code, stderr).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({ kind: 'Error', code: 'LOCK_HELD' });
      expect(stderr).toMatch(/^palette-keys: hint: wait until it has finished.*free in \d+ s/m);
    }

    it('held by somebody, it turns a run away before anything is written, naming who holds it', async () => {
      await hold(5);
      const before = await lease();
      const outcome = await init(place);
      expectLocked(outcome);
      expect(outcome.stderr).toContain(`namespace ${LEDGER} is locked: carol@laptop 4711 init, since 20`);
      expect(outcome.stderr).toMatch(/renewed [4-9] s ago/);
      expect((await madeIn(place)).size).toBe(0);
      expect(await lease()).toEqual(before);
    });

    it('lapsed, it is taken over, and given back', async () => {
      await hold(60);
      const { code, stderr } = await init(place);
      expect(code, stderr).toBe(0);
      const { spec } = await lease();
      expect(spec).toMatchObject({ leaseDurationSeconds: 30, leaseTransitions: 1 });
      expect(spec).not.toHaveProperty('holderIdentity');
    });

    it('held by another run, it turns a second one away, which names command, user, process and host', async () => {
      const { proxy, kubeconfig } = await behind((request) => (isRecord(request) ? { delayMs: 2000 } : undefined));
      const first = bedOf().start(['init', '--config', place.config, '-q'], { env: { KUBECONFIG: kubeconfig } });
      await expect.poll(() => proxy.requests.some(isRecord), { timeout: 20_000, interval: 20 }).toBe(true);
      const second = await init(place);
      expectLocked(second);
      expect(second.stderr).toMatch(new RegExp(`locked: 'init' by \\S+, process ${first.pid} on \\S+, since 20`));
      // Who only looks is not in anybody's way.
      const status = await warm.run(['status', '--kubeconfig', bedOf().kubeconfig, '-o', 'json']);
      expect(status.code, status.stderr).toBe(3);
      const outcome = await first.outcome;
      expect(outcome.code, outcome.stderr).toBe(0);
      expect((await init(place)).code).toBe(0);
      expect(await verdictOn(await madeIn(place))).toBe('everything fits\n');
    });
  });

  describe.concurrent('keys made by hand', () => {
    const rootKey = randomBytes(32);
    const salt = randomBytes(32);
    const jwt = generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey;
    const credentials = {
      username: 'hubble',
      password: 'made: by/hand@1998',
      keyfile: `${randomBytes(756)
        .toString('base64')
        .replaceAll(/(.{64})/g, '$1\n')}\n`,
    };
    let ca: { readonly 'tls.crt': string; readonly 'tls.key': string };
    let otherCa: typeof ca;
    let leaf: typeof ca;

    beforeAll(async () => {
      ca = authority('by hand');
      otherCa = authority('another');
      const { certPem, keyPem } = await makeServerCertificate();
      leaf = { 'tls.crt': certPem, 'tls.key': keyPem };
    });

    /** As one makes it with openssl. */
    function authority(name: string): typeof ca {
      const folder = newFolder();
      const extensions = ['basicConstraints=critical,CA:TRUE,pathlen:0', 'keyUsage=critical,keyCertSign,cRLSign'];
      execFileSync('openssl', [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-sha256', '-days', '3650', '-subj', `/CN=${name}`],
        ...extensions.flatMap((extension) => ['-addext', extension]),
        ...['-keyout', path.join(folder, 'tls.key'), '-out', path.join(folder, 'tls.crt')],
      ]);
      const read = (file: string) => readFileSync(path.join(folder, file), 'utf8');
      return { 'tls.crt': read('tls.crt'), 'tls.key': read('tls.key') };
    }

    /** As kubectl makes it. */
    async function make({ namespace }: Place, name: string, data: Data): Promise<void> {
      const entries = Object.entries(data).map(([entry, value]) => [entry, Buffer.from(value).toString('base64')]);
      const metadata = { name, labels: { 'example.org/team': 'a' }, annotations: { 'example.org/note': 'by hand' } };
      const body = { metadata, type: 'Opaque', data: Object.fromEntries(entries) };
      const { status, body: answer } = await bedOf().api('POST', `/api/v1/namespaces/${namespace}/secrets`, body);
      if (status !== 201) throw new Error(answer);
    }

    const COMPLETE: Readonly<Record<string, () => Data>> = {
      'palette-root-key': () => ({ key: rootKey }),
      'palette-hash-salt': () => ({ salt }),
      'palette-jwt-signing-key': () => ({ 'signing-key.pem': jwt.export({ type: 'pkcs1', format: 'pem' }) }),
      'palette-mongodb-auth': () => credentials,
      'palette-internal-ca': () => ca,
    };

    it.each(Object.entries(COMPLETE))('%s alone: refused, and nothing is written', async (name, data) => {
      const place = await newNamespaces();
      await make(place, name, data());
      const before = await versionsIn(place.namespace);
      for (const flags of [[], ['--yes'], ['--restore', '--yes']]) {
        const { code, stdout, stderr } = await init(place, ...flags);
        expect([code, stderr]).toEqual([5, expect.stringContaining(`Secret/${place.namespace}/${name}`)]);
        expect(codesOf(JSON.parse(stdout) as InitResult)).toContain('NOT_OURS');
        expect(stderr).toContain('palette-keys init --adopt');
        expect(await versionsIn(place.namespace)).toEqual(before);
        expect((await madeIn(place)).size).toBe(0);
      }
    });

    it('all at once, --adopt takes them in as version 1, byte for byte, and fills in what is missing', async () => {
      const place = await newNamespaces();
      for (const [name, data] of Object.entries(COMPLETE)) await make(place, name, data());
      const asked = await init(place, '--adopt');
      expect(asked.code, asked.stderr).toBe(2);
      expect((await madeIn(place)).size).toBe(0);
      const { code, stderr } = await init(place, '--adopt', '--yes');
      expect(code, stderr).toBe(0);
      const after = await madeIn(place);
      const entry = (kind: string, name: string) =>
        bytesOf(after, `Secret/${place.ledgerNamespace}/palette-key-${kind}-v1`, name);
      expect(entry('root-key', 'key').equals(rootKey)).toBe(true);
      expect(entry('hash-salt', 'key').equals(salt)).toBe(true);
      for (const [name, text] of Object.entries(credentials)) expect(entry('mongodb-auth', name).toString()).toBe(text);
      const publicPart = (key: Parameters<typeof createPublicKey>[0]) =>
        sha256(createPublicKey(key).export({ type: 'spki', format: 'der' }));
      expect(publicPart(entry('jwt-signing-key', 'key.pem'))).toBe(publicPart(jwt));
      expect(entry('jwt-signing-key', 'alg').toString()).toBe('RS256');
      expect(entry('internal-ca', 'tls.crt').toString().trim()).toBe(ca['tls.crt'].trim());
      expect([...ledgerOf(after).keys()].filter((ref) => !ref.endsWith('-v1'))).toEqual([]);
      expect(await verdictOn(withoutNotes(after))).toBe('everything fits\n');
      // What others have written on them is still there, and so are their bytes.
      const secrets = await inNamespace(place.namespace);
      for (const [name, data] of Object.entries(COMPLETE)) {
        const { metadata, data: now } = secrets.get(name) ?? {};
        expect(metadata?.labels, name).toMatchObject({ 'example.org/team': 'a' });
        expect(metadata?.annotations, name).toMatchObject({ 'example.org/note': 'by hand' });
        // A key in PKCS#1 is written anew as PKCS#8: the same key.
        const written = Object.entries(data()).filter(([entryName]) => entryName !== 'signing-key.pem');
        for (const [entryName, value] of written) {
          expect(now?.[entryName] === Buffer.from(value).toString('base64'), `${name} ${entryName}`).toBe(true);
        }
      }
      const again = await init(place);
      expect([again.code, (JSON.parse(again.stdout) as InitResult).counts]).toMatchObject([
        0,
        { create: 0, update: 0 },
      ]);
    });

    const publicPem = createPublicKey(jwt).export({ type: 'spki', format: 'pem' });

    it.each<[string, string, () => Data]>([
      ['a root key that is too short', 'palette-root-key', () => ({ key: randomBytes(31) })],
      ['a root key as text', 'palette-root-key', () => ({ key: rootKey.toString('base64') })],
      ['a root key under another name', 'palette-root-key', () => ({ root: rootKey })],
      ['an empty salt', 'palette-hash-salt', () => ({ salt: '' })],
      ['a JWT key that is none', 'palette-jwt-signing-key', () => ({ 'signing-key.pem': 'not a key' })],
      ['a public key', 'palette-jwt-signing-key', () => ({ 'signing-key.pem': publicPem })],
      ['credentials without a keyfile', 'palette-mongodb-auth', () => ({ username: 'a', password: 'b' })],
      ['a CA without its key', 'palette-internal-ca', () => ({ 'tls.crt': ca['tls.crt'] })],
      ['a CA with another key', 'palette-internal-ca', () => ({ ...ca, 'tls.key': otherCa['tls.key'] })],
      ['a certificate that is no CA’s', 'palette-internal-ca', () => leaf],
    ])('%s is refused by --adopt too, and nothing is written', async (_, name, data) => {
      const place = await newNamespaces();
      await make(place, name, data());
      const before = await versionsIn(place.namespace);
      const { code, stderr } = await init(place, '--adopt', '--yes');
      expect([code, stderr]).toEqual([5, expect.stringContaining(`Secret/${place.namespace}/${name}`)]);
      expect(await versionsIn(place.namespace)).toEqual(before);
      expect((await madeIn(place)).size).toBe(0);
    });

    it('an adoption that broke off is complete when it is run again', async () => {
      const place = await newNamespaces();
      await make(place, 'palette-root-key', { key: rootKey });
      const { kubeconfig } = await behind((request) => (isRecord(request) ? { status: 401 } : undefined));
      const args = ['init', '--adopt', '--yes', '--config', place.config, '-q'];
      const { code } = await warm.run([...args, '--kubeconfig', kubeconfig]);
      expect(code).toBe(1);
      const before = ledgerOf(await madeIn(place));
      // The record is written as soon as the root key is there.
      expect(before.size).toBe(1);
      const again = await warm.run([...args, '--kubeconfig', bedOf().kubeconfig]);
      expect(again.code, again.stderr).toBe(0);
      const after = await madeIn(place);
      expect(ledgerOf(after).size).toBe(9);
      for (const [name, facts] of before) expect(ledgerOf(after).get(name)).toEqual(facts);
      expect(bytesOf(after, `Secret/${place.namespace}/palette-root-key`, 'key').equals(rootKey)).toBe(true);
      expect(await verdictOn(withoutNotes(after))).toBe('everything fits\n');
    });
  });

  describe.concurrent('objects of others under names of the ledger', () => {
    it.each([
      ['the first key', 'secrets', 'palette-key-root-key-v1'],
      ['a later key', 'secrets', 'palette-key-hash-salt-v1'],
      ['the record', 'configmaps', 'palette-keys-installation'],
      ['the audit log', 'configmaps', 'palette-keys-audit'],
    ])('where %s would stand: the run is refused, names it, and writes nothing', async (_, resource, name) => {
      const place = await newNamespaces();
      const at = `/api/v1/namespaces/${place.ledgerNamespace}/${resource}`;
      await bedOf().api('POST', at, { metadata: { name }, data: { mine: 'bWluZQ==' } });
      const before = (await inNamespace(place.ledgerNamespace, resource)).get(name);
      const { code, stderr } = await init(place);
      expect((await inNamespace(place.ledgerNamespace, resource)).get(name)).toEqual(before);
      expect([code, stderr]).toEqual([5, expect.stringContaining(name)]);
      expect([...(await madeIn(place)).keys()]).toEqual([]);
    });
  });

  describe('labels that somebody has taken off', () => {
    const place: Place = { namespace: PLATFORM, ledgerNamespace: LEDGER, config: specFile(TINY) };
    const label = 'app.kubernetes.io/managed-by';
    let keys: readonly string[];

    const keysThere = async () =>
      [...(await inNamespace(LEDGER))].map(
        ([name, { data }]) => `${name} ${sha256(Buffer.from(JSON.stringify(data)))}`,
      );

    beforeAll(async () => {
      await bedOf().empty();
      await addNamespaces(place);
      const { code, stderr } = await init(place);
      expect(code, stderr).toBe(0);
      keys = await keysThere();
    });

    it.each([
      ['the root key', 'secrets/palette-key-root-key-v1'],
      ['the internal CA', 'secrets/palette-key-internal-ca-v1'],
      ['the audit log', 'configmaps/palette-keys-audit'],
      ['the record', 'configmaps/palette-keys-installation'],
    ])('%s: it is found all the same, or named as what is missing; no key is lost or made anew', async (_, object) => {
      const at = `/api/v1/namespaces/${LEDGER}/${object}`;
      const [, name = ''] = object.split('/');
      await bedOf().api('PATCH', at, { metadata: { labels: { [label]: null } } });
      const status = await warm.run(['status', '--kubeconfig', bedOf().kubeconfig]);
      const { code, stderr } = await init(place, '--yes');
      await bedOf().api('PATCH', at, { metadata: { labels: { [label]: 'palette-keys' } } });
      expect(await keysThere()).toEqual(keys);
      expect.soft([0, 3], status.stderr).toContain(status.code);
      if (status.code !== 0) expect.soft(status.stdout).toContain(name);
      expect.soft([0, 5], stderr).toContain(code);
      if (code !== 0) expect.soft(stderr).toContain(name);
    });
  });
}

/** The objects without what others have written on them, which the independent verifier does not expect. */
function withoutNotes(objects: Objects): Objects {
  const ours = (texts: Readonly<Record<string, string>> = {}) =>
    Object.fromEntries(Object.entries(texts).filter(([name]) => !name.startsWith('example.org/')));
  return new Map(
    [...objects].map(([ref, object]) => {
      const { labels, annotations } = object.metadata;
      const metadata = { ...object.metadata, labels: ours(labels), annotations: ours(annotations) };
      return [ref, { ...object, metadata }];
    }),
  );
}
