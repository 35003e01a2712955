/** `import-cert` on a real API server: others write at the same time, runs are killed, rights are missing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { callApi } from '../../support/cluster/api.ts';
import { makeServerCertificate, type ServerCertificate } from '../../support/cluster/certificate.ts';
import { sharedCluster } from '../../support/cluster/shared.ts';
import { waitUntil } from '../../support/cluster/wait.ts';
import { findAssetsOrSkip, type SomeCluster } from '../../support/cluster.ts';
import { type Fault, type ProxiedRequest, startFaultProxy } from '../../support/fault-proxy.ts';
import type { Made } from '../../support/openssl-pki.ts';
import { type Running, start } from '../../support/program.ts';
import { chance } from '../../support/seed.ts';
import { type ImportResult, Pki, pkcs8 } from '../program/import-bed.ts';
import { specFile } from '../program/store.ts';
import { startWarm } from '../program/warm.ts';
import { type ApiObject, START_MS, TINY } from './bed.ts';

const randomInt = chance('import');

const FQDN = 'palette.example.org';
const soaking = process.env['SOAK'] === '1';
/** Kills without the soak, in which every request is met. */
const SOME = 4;

describe.skipIf(findAssetsOrSkip() === undefined)(
  'import-cert on a cluster',
  { timeout: START_MS * (soaking ? 10 : 1) },
  () => {
    const warm = startWarm(2);
    const pki = new Pki();
    const next = pki.server({ days: 200 });
    const theirs = pki.server({ keyName: 'p384-3', days: 60 });
    let cluster: SomeCluster;
    let admin = '';
    let certificate: ServerCertificate;
    let places = 0;

    beforeAll(async () => {
      [cluster, certificate] = await Promise.all([sharedCluster(), makeServerCertificate()]);
      admin = await cluster.kubeconfig();
    }, START_MS);

    const api = (method: string, at: string, body?: unknown) =>
      callApi(`${cluster.url}${at}`, cluster.caPem, {
        method,
        token: cluster.token(),
        body: body === undefined ? undefined : JSON.stringify(body),
        contentType: method === 'PATCH' ? 'application/merge-patch+json' : undefined,
      });

    interface Place {
      readonly ledger: string;
      readonly ingress: string;
      readonly secret: string;
      readonly config: string;
    }

    /** An installation in namespaces of its own, with the first certificate unless nothing is to be imported. */
    async function installed(first: Made | undefined = pki.leaf): Promise<Place> {
      places += 1;
      const [namespace, ledger, ingress] = ['', '-keys', '-ingress'].map((tail) => `import-${places}${tail}`) as [
        string,
        string,
        string,
      ];
      const spec = { ...TINY, namespace, ledgerNamespace: ledger, rootDomain: FQDN, ingress: { namespace: ingress } };
      const place = {
        ledger,
        ingress,
        secret: `/api/v1/namespaces/${ingress}/secrets/default-ssl-certificate`,
        config: specFile(spec),
      };
      await api('POST', '/api/v1/namespaces', { metadata: { name: ingress } });
      const made = await warm.run(['init', '--create-namespaces', '--config', place.config, '--kubeconfig', admin]);
      expect(made.code, made.stderr).toBe(0);
      if (first !== undefined) await well(place, first);
      return place;
    }

    const flagsFor = (place: Place, leaf: Made, kubeconfig = admin) => [
      ...['import-cert', '--config', place.config, '--kubeconfig', kubeconfig, '--yes', '-o', 'json'],
      ...pki.flags(leaf),
    ];

    async function well(place: Place, leaf: Made): Promise<ImportResult> {
      const { code, stdout, stderr } = await warm.run(flagsFor(place, leaf));
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout) as ImportResult;
    }

    const read = async (at: string) => JSON.parse((await api('GET', at)).body) as ApiObject;
    const textOf = ({ data }: ApiObject, entry: string) => Buffer.from(data?.[entry] ?? '', 'base64').toString();

    async function recordOf({ ledger }: Place) {
      const { data } = await read(`/api/v1/namespaces/${ledger}/configmaps/palette-keys-installation`);
      return JSON.parse(data?.['record.json'] ?? '{}') as {
        ready: boolean;
        keys: Record<string, { versions: { n: number; state: string }[] }>;
      };
    }
    const statesOf = async (place: Place) =>
      ((await recordOf(place)).keys['fqdn-certificate']?.versions ?? []).map(({ n, state }) => `v${n} ${state}`);

    /** Which of the certificates the Secret holds, with its own key. */
    async function held(place: Place, ...leaves: readonly Made[]): Promise<Made | undefined> {
      const secret = await read(place.secret);
      const [crt, key] = [textOf(secret, 'tls.crt'), textOf(secret, 'tls.key')];
      return leaves.find((leaf) => crt === leaf.pem + pki.intermediate.pem && key === pkcs8(leaf));
    }

    it('writes a kubernetes.io/tls Secret that kubectl shows, and the same again changes no resourceVersion', async () => {
      const place = await installed();
      const secret = await read(place.secret);
      expect([secret.type, await held(place, pki.leaf)]).toEqual(['kubernetes.io/tls', pki.leaf]);
      expect(await well(place, pki.leaf)).toMatchObject({ accepted: true, stored: false });
      expect((await read(place.secret)).metadata.resourceVersion).toBe(secret.metadata.resourceVersion);
    });

    describe('while somebody else edits the Secret', () => {
      /** Does something once, when the program is about to write the ingress Secret. */
      async function disturbed(
        place: Place,
        disturb: () => Promise<unknown>,
      ): Promise<Awaited<ReturnType<typeof warm.run>>> {
        let done: Promise<unknown> | undefined;
        let held = false;
        const fault = ({ method, path }: ProxiedRequest): Fault | undefined => {
          if (method !== 'PUT' || !path.startsWith(place.secret) || held) return undefined;
          held = true;
          done = disturb();
          return { delayMs: 300 };
        };
        const proxy = await startFaultProxy({ target: cluster, fault, certificate });
        try {
          const kubeconfig = await cluster.kubeconfig('admin', { server: proxy });
          const outcome = await warm.run(flagsFor(place, next, kubeconfig));
          expect(held, outcome.stderr).toBe(true);
          await done;
          return outcome;
        } finally {
          await proxy.stop();
        }
      }

      it('an entry of theirs is not lost, and the new certificate is whole', async () => {
        const place = await installed();
        const note = Buffer.from('of the ingress team').toString('base64');
        const outcome = await disturbed(place, () => api('PATCH', place.secret, { data: { note } }));
        expect([0, 1], outcome.stderr).toContain(outcome.code);
        expect(textOf(await read(place.secret), 'note')).toBe('of the ingress team');
        await well(place, next);
        expect([await held(place, next), await statesOf(place)]).toEqual([next, ['v1 trusted', 'v2 active']]);
        expect(textOf(await read(place.secret), 'note')).toBe('of the ingress team');
      });

      it('a certificate of theirs is not written over unseen: the run stops, and the next one keeps it', async () => {
        const place = await installed();
        const pair = { 'tls.crt': theirs.pem + pki.intermediate.pem, 'tls.key': pkcs8(theirs) };
        const data = Object.fromEntries(Object.entries(pair).map(([k, v]) => [k, Buffer.from(v).toString('base64')]));
        const outcome = await disturbed(place, () => api('PATCH', place.secret, { data }));
        expect([outcome.code, JSON.parse(outcome.stdout)], outcome.stderr).toMatchObject([1, { code: 'CONFLICT' }]);
        expect(outcome.stderr).toContain('run the same command again');
        expect(await held(place, theirs)).toBe(theirs);
        await well(place, next);
        expect(await held(place, next)).toBe(next);
        expect(await statesOf(place)).toContain('v3 trusted');
      });
    });

    describe('killed', () => {
      /** The methods of the requests of one import. */
      async function methodsOf(): Promise<readonly string[]> {
        const place = await installed();
        const proxy = await startFaultProxy({ target: cluster, certificate });
        const kubeconfig = await cluster.kubeconfig('admin', { server: proxy });
        const { code, stderr } = await start(flagsFor(place, next, kubeconfig)).outcome;
        await proxy.stop();
        expect(code, stderr).toBe(0);
        return proxy.requests.map(({ method }) => method);
      }

      it('at any request the old certificate is there or the new one, whole; a re-run completes', async () => {
        const methods = await methodsOf();
        const writes = [...methods.keys()].filter((n) => ['PUT', 'POST'].includes(methods[n] ?? ''));
        expect(writes.length).toBeGreaterThan(5);
        const all = [...methods.keys()].flatMap((n) => [
          { n, at: 'cut-before' as const },
          ...(writes.includes(n) ? [{ n, at: 'cut-after' as const }] : []),
        ]);
        const some = Array.from({ length: SOME }, (_, i) => ({
          n: writes[randomInt(writes.length)] ?? 0,
          at: i % 2 === 0 ? ('cut-after' as const) : ('cut-before' as const),
        }));
        const place = await installed();
        let [before, after] = [pki.leaf, next];
        for (const { n, at } of soaking ? all : some) {
          let running: Running | undefined;
          const fault = ({ index }: ProxiedRequest): Fault | undefined => {
            if (index < n) return undefined;
            // The server acts or does not; the program is dead before it hears of it.
            if (index === n) running?.kill('SIGKILL');
            return index === n ? at : 'cut-before';
          };
          const proxy = await startFaultProxy({ target: cluster, fault, certificate });
          const kubeconfig = await cluster.kubeconfig('admin', { server: proxy });
          running = start(flagsFor(place, after, kubeconfig));
          const { stderr } = await running.outcome;
          await waitUntil(
            async () =>
              proxy.requests.every(({ serverStatus, fault: hit }) => hit !== 'cut-after' || serverStatus !== undefined),
            {
              what: 'the server to have acted',
              timeoutMs: 10_000,
            },
          );
          const what = `${at} at request ${n} (${proxy.requests[n]?.method} ${proxy.requests[n]?.path}): ${stderr}`;
          await proxy.stop();
          expect(await held(place, before, after), what).toBeDefined();
          // The lock of the dead is taken over after half a minute; this saves the wait.
          await api('DELETE', `/apis/coordination.k8s.io/v1/namespaces/${place.ledger}/leases/palette-keys`);
          await well(place, after);
          expect([await held(place, after), (await recordOf(place)).ready], what).toEqual([after, true]);
          [before, after] = [after, before];
        }
        const init = await warm.run(['init', '--config', place.config, '--kubeconfig', admin]);
        expect([init.code, init.stdout]).toEqual([0, expect.stringContaining('Nothing to do')]);
      });
    });

    describe('without rights', () => {
      interface Manifest {
        readonly kind: string;
        readonly metadata: { readonly namespace?: string };
        readonly rules?: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
        readonly [field: string]: unknown;
      }
      const users: string[] = ['eve', 'robin', 'pat'];
      const documents = (text: string) => parseAllDocuments(text).map((document) => document.toJS() as Manifest);
      const rbacIn = (stderr: string) =>
        /^# What .* is missing, as RBAC:\n([\s\S]*?)(?=^palette-keys: error:)/m.exec(stderr)?.[1] ?? '';
      afterAll(async () => {
        for (const n of Array.from({ length: places }, (_, i) => i + 1))
          for (const tail of ['', '-keys', '-ingress'])
            await api('DELETE', `/apis/rbac.authorization.k8s.io/v1/namespaces/import-${n}${tail}/rolebindings`);
      });

      async function rightsOfInit(place: Place, user: string): Promise<void> {
        const { stdout } = await warm.run(['init', '--print-rbac', '--config', place.config]);
        const subjects = [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }];
        const bound = documents(stdout).map((each) => (each['subjects'] === undefined ? each : { ...each, subjects }));
        // The role for what has no namespace is shared by all installations; import-cert does without.
        const own = bound.filter(({ metadata }) => metadata.namespace !== undefined);
        const { code, stderr } = await cluster.kubectl(['apply', '-f', '-'], {
          input: own.map((each) => `---\n${stringify(each)}`).join(''),
        });
        expect(code, stderr).toBe(0);
      }

      it('to read the Secret: ACCESS_DENIED prints the RBAC that is missing, which, applied, is enough', async () => {
        const place = await installed();
        const [user = ''] = users;
        await rightsOfInit(place, user);
        const kubeconfig = await cluster.kubeconfig(user);
        const attempt = () => warm.run(flagsFor(place, next, kubeconfig));
        let refused = await attempt();
        for (let n = 0; n < 20 && !refused.stderr.includes('default-ssl-certificate'); n += 1)
          refused = await attempt();
        expect([refused.code, JSON.parse(refused.stdout)], refused.stderr).toMatchObject([
          1,
          { kind: 'Error', code: 'ACCESS_DENIED' },
        ]);
        expect(await held(place, pki.leaf)).toBe(pki.leaf);
        const missing = documents(rbacIn(refused.stderr)).filter(({ kind }) => kind === 'Role');
        const inIngress = missing.find(({ metadata }) => metadata.namespace === place.ingress);
        expect(inIngress?.rules).toEqual([
          {
            apiGroups: [''],
            resources: ['secrets'],
            verbs: ['get', 'update'],
            resourceNames: ['default-ssl-certificate'],
          },
          { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
        ]);
        await cluster.kubectl(['apply', '-f', '-'], { input: rbacIn(refused.stderr) });
        let granted = await attempt();
        for (let n = 0; n < 20 && granted.code !== 0; n += 1) granted = await attempt();
        expect(granted.code, granted.stderr).toBe(0);
        expect(await held(place, next)).toBe(next);
      });
    });
  },
);
