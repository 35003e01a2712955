/**
 * The runbooks of rotations and of the front door, on a real API server; what they say of a folder, in a folder. Pods are
 * objects there, without a kubelet: when a container was started, the test writes.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type ApiObject, type Bed, START_MS, startBed } from '../scenarios/cluster/bed.ts';
import { FQDN, Pki } from '../scenarios/program/import-bed.ts';
import { PLATFORM, pathOf, RECORD, specFile } from '../scenarios/program/store.ts';
import { haveTools } from '../scenarios/program/tools.ts';
import { findAssetsOrSkip } from '../support/cluster.ts';
import { newFolder, runWell } from '../support/program.ts';
import { FOLDER, follow } from './follow.ts';

/** Keys count as young by the record, certificates by themselves; `--again` is for the latter. */
const aged = (text: string): string => text.replaceAll(/("since": ")[^"]+/g, '$12026-11-01T00:00:00Z');

const daysFromNow = (days: number) => new Date(Date.now() + days * 86_400_000);

const isReady = haveTools('openssl') && findAssetsOrSkip() !== undefined;

describe.skipIf(!isReady)(
  'the commands of a runbook print what it shows',
  {
    timeout: START_MS,
  },
  () => {
    let bed: Bed;
    /** Objects on the cluster, and a folder, of installations whose keys are old enough to be rotated. */
    let objects: readonly ApiObject[];
    let folder = '';
    let pki: Pki;

    beforeAll(async () => {
      bed = await startBed();
      pki = new Pki();
      await bed.runWell([
        'init',
        '--create-namespaces',
        '--config',
        specFile({ rootDomain: FQDN, messageBus: {} }),
        '-q',
      ]);
      objects = [...(await bed.objects())].map(([ref, object]) => (ref === RECORD ? agedRecord(object) : object));
      folder = newFolder();
      const keys = path.join(folder, 'keys');
      await runWell(['init', '--dir', keys, '-q']);
      const record = pathOf(keys, RECORD);
      writeFileSync(record, aged(readFileSync(record, 'utf8')));
    }, START_MS);

    afterAll(() => bed?.stop());

    const agedRecord = (object: ApiObject): ApiObject => ({
      ...object,
      data: { 'record.json': aged(object.data?.['record.json'] ?? '') },
    });

    async function post(at: string, body: object): Promise<void> {
      const answer = await bed.api('POST', at, body);
      if (answer.status !== 201) throw new Error(`POST ${at}: HTTP ${answer.status} ${answer.body}`);
    }

    /** The cluster as it was, whatever a runbook has done to it. */
    async function afresh(): Promise<void> {
      await bed.empty();
      const namespaces = [...new Set(objects.map(({ metadata }) => metadata.namespace))];
      for (const name of namespaces) await post('/api/v1/namespaces', { metadata: { name } });
      for (const { kind, type, immutable, data, metadata } of objects) {
        const { name, namespace, labels, annotations } = metadata;
        const body = { kind, type, immutable, data, metadata: { name, labels, annotations } };
        await post(`/api/v1/namespaces/${namespace}/${kind.toLowerCase()}s`, body);
      }
      // Where no Pod of the services is seen at all, nothing is known of them.
      await post(`/api/v1/namespaces/${PLATFORM}/pods`, {
        metadata: { name: 'other' },
        spec: { containers: [{ name: 'main', image: 'x' }] },
      });
    }

    /** A Pod of `Deployment/auth` that uses the JWT key and a certificate, as controller and kubelet would have made it. */
    async function startAuth(): Promise<void> {
      const secrets = ['palette-jwt-signing-key', 'palette-auth-tls'];
      await post(`/api/v1/namespaces/${PLATFORM}/pods`, {
        metadata: {
          name: 'auth-5c8f-x7z2p',
          labels: { 'pod-template-hash': '5c8f' },
          ownerReferences: [
            { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'auth-5c8f', uid: 'f00', controller: true },
          ],
        },
        spec: {
          volumes: secrets.map((secretName) => ({ name: secretName, secret: { secretName } })),
          containers: [
            { name: 'main', image: 'x', volumeMounts: secrets.map((name) => ({ name, mountPath: `/${name}` })) },
          ],
        },
      });
      await reportStart(new Date());
    }

    /** What a kubelet would say of it if it was started then. */
    async function reportStart(time: Date): Promise<void> {
      const state = { running: { startedAt: `${time.toISOString().slice(0, 19)}Z` } };
      const containerStatuses = [{ name: 'main', image: 'x', imageID: '', ready: true, restartCount: 0, state }];
      const status = JSON.stringify({ status: { phase: 'Running', containerStatuses } });
      const patch = ['--subresource=status', '--type=merge', '-p', status];
      await bed.kubectl(['patch', 'pod', 'auth-5c8f-x7z2p', '-n', PLATFORM, ...patch]);
    }

    const restartAuth = () => reportStart(new Date(Date.now() + 10 * 60_000));

    /** The front door has a certificate that ends soon. */
    async function importFirst(): Promise<void> {
      await post('/api/v1/namespaces', { metadata: { name: 'ingress-nginx' } });
      await bed.runWell([
        'import-cert',
        '--yes',
        ...pki.flags(pki.server({ validity: [daysFromNow(-86), daysFromNow(4)] })),
      ]);
    }

    /** The answer to the request, with its chain, and the root apart. */
    async function answer(cwd: string): Promise<void> {
      const leaf = pki.answer(readFileSync(path.join(cwd, 'palette.csr'), 'utf8'));
      writeFileSync(path.join(cwd, 'answer.pem'), readFileSync(leaf, 'utf8') + pki.intermediate.pem);
      writeFileSync(path.join(cwd, 'company-root.crt'), pki.root.pem);
    }

    /** Runbook → section → what it takes for granted. */
    const SCENES: Readonly<Record<string, Readonly<Record<string, (cwd: string) => Promise<void>>>>> = {
      'import-certificate.md': {
        'What is wrong?': importFirst,
        'Look at what they sent, without writing anything': answer,
      },
      'rotate-certificates.md': { 'One service': startAuth },
      'rotate-emergency.md': {
        'The internal CA has leaked': afresh,
        'A certificate has expired': afresh,
        'A rotation is stuck': async () => {
          await afresh();
          await startAuth();
        },
        'Half of the Secrets are gone': afresh,
      },
      'rotate-fqdn-certificate.md': {
        'Go back': async () => {
          await importFirst();
          await bed.runWell(['import-cert', '--yes', ...pki.flags()]);
        },
        'Nothing to go back to': afresh,
      },
      'rotate-jwt-signing-key.md': { Begin: startAuth, 'Go on': restartAuth },
    };

    const runbooks = readdirSync(FOLDER).filter((name) => /^(rotate-.*|import-certificate)[.]md$/.test(name));

    it.each(runbooks)('%s', async (name) => {
      await afresh();
      const cwd = newFolder();
      execFileSync('cp', ['-a', path.join(folder, 'keys'), cwd]);
      const login = { kubeconfig: bed.kubeconfig, kubectl: bed.cluster.assets.kubectl };
      await follow(name, { cwd, login, prepare: (section) => SCENES[name]?.[section]?.(cwd) });
    });
  },
);
