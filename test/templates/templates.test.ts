// Covers: src/cli/init/manifests.ts, src/cli/print.ts, src/reconcile/access/needs.ts, src/reconcile/access/rbac.ts

/** The files of templates/, as somebody uses them on a cluster. The guard policy is tested where the controllers run. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { renderManifests } from '../../src/cli/init/manifests.ts';
import { defaultSpec } from '../../src/installation/defaults.ts';
import { serviceNamespaces } from '../../src/installation/names.ts';
import { importNeeds } from '../../src/reconcile/access/needs.ts';
import { rbacFor } from '../../src/reconcile/access/rbac.ts';
import { type Bed, START_MS, startBed, verdictOn } from '../scenarios/cluster/bed.ts';
import { doings, type InitResult, LEDGER, PLATFORM, SMALL, specText } from '../scenarios/program/store.ts';
import { skipped } from '../scenarios/program/tools.ts';
import { findAssetsOrSkip } from '../support/cluster.ts';
import { folderWith, newFolder, newPath, project, run, runWell } from '../support/program.ts';

const assets = findAssetsOrSkip();
const fileOf = (name: string) => path.join(project, 'templates', name);
const textOf = (name: string) => readFileSync(fileOf(name), 'utf8');

interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

const documentsOf = (text: string) =>
  parseAllDocuments(text, { merge: false }).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  });

describe('templates/', () => {
  it('rbac.yaml is what init --print-rbac prints for the default spec and a message bus', async () => {
    const { stdout } = await runWell(['init', '--print-rbac']);
    expect(textOf('rbac.yaml').replace(/^(#.*\n)+/, '')).toBe(stdout);
  });

  it('rbac-ingress.yaml is what import-cert needs besides, for the default spec', () => {
    const spec = defaultSpec();
    const subject = { kind: 'ServiceAccount', name: 'palette-keys', namespace: spec.ledgerNamespace } as const;
    const text = renderManifests(rbacFor(importNeeds(spec), subject));
    expect(textOf('rbac-ingress.yaml').replace(/^(#.*\n)+/, '')).toBe(text);
  });

  it('installation.yaml is what init --print-config prints', async () => {
    const { stdout } = await runWell(['init', '--print-config']);
    expect(textOf('installation.yaml')).toBe(stdout);
  });

  it('helm-hook.yaml has hooks alone, and never a Secret, which Helm would delete before it makes it anew', () => {
    const documents = documentsOf(textOf('helm-hook.yaml'));
    expect(documents.map(({ kind }) => kind)).toEqual(['ServiceAccount', 'Job']);
    for (const { kind, metadata } of documents) {
      expect(metadata.annotations?.['helm.sh/hook'], kind).toBe('pre-install,pre-upgrade');
    }
  });

  it('helm-hook.yaml runs the Job of job.yaml', () => {
    const jobOf = (name: string) => documentsOf(textOf(name)).find(({ kind }) => kind === 'Job')?.['spec'];
    expect(jobOf('helm-hook.yaml')).toEqual(jobOf('job.yaml'));
  });

  it('rotate-cronjob.yaml runs what is due as the Job of job.yaml runs init, and lets it list Pods and look at workloads, and nothing else', () => {
    const documents = documentsOf(textOf('rotate-cronjob.yaml'));
    const roles = documents.filter(({ kind }) => kind.endsWith('Role'));
    expect(roles.map((role) => role['rules'])).toEqual([
      [
        { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
        { apiGroups: ['apps'], resources: ['deployments', 'statefulsets', 'daemonsets'], verbs: ['get'] },
        { apiGroups: ['batch'], resources: ['cronjobs', 'jobs'], verbs: ['get'] },
      ],
    ]);
    const spec = defaultSpec();
    const used = [...serviceNamespaces(spec), spec.ingress.namespace].sort();
    const bound = documents.filter(({ kind }) => kind === 'RoleBinding').map(({ metadata }) => metadata['namespace']);
    expect(bound).toEqual(used);
    const text = JSON.stringify(documents.find(({ kind }) => kind === 'CronJob'));
    expect(text).toContain('"args":["rotate","--due","--yes","-o","json"]');
    expect(text).toContain('"concurrencyPolicy":"Forbid"');
    for (const hardened of ['"runAsNonRoot":true', '"readOnlyRootFilesystem":true', '"drop":["ALL"]']) {
      expect(text).toContain(hardened);
    }
  });

  it('rewrap-job.yaml runs job.yaml’s Pod for as many parts as it counts, in flags that the program takes', async () => {
    interface Spec {
      readonly completions: number;
      readonly parallelism: number;
      readonly completionMode: string;
      readonly podFailurePolicy: unknown;
      readonly ttlSecondsAfterFinished: unknown;
      readonly template: {
        readonly spec: {
          readonly restartPolicy: string;
          readonly containers: readonly { readonly name: string; readonly args: readonly string[] }[];
        };
      };
    }
    const specOf = (name: string) => documentsOf(textOf(name)).find(({ kind }) => kind === 'Job')?.['spec'] as Spec;
    const { completions, parallelism, completionMode, template, ...spec } = specOf('rewrap-job.yaml');
    const [container] = template.spec.containers;
    const [plain] = specOf('job.yaml').template.spec.containers;
    expect([completionMode, parallelism]).toEqual(['Indexed', completions]);
    // What was refused is refused again; and the next rotation takes another Job of that name.
    const onExitCodes = { containerName: container?.name, operator: 'In', values: [2, 5] };
    expect(spec).toMatchObject({
      podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes }] },
      ttlSecondsAfterFinished: 3600,
    });
    expect(template.spec.restartPolicy).toBe('Never');
    expect({ ...container, args: [] }).toEqual({ ...plain, args: [] });
    const args = (container?.args ?? []).map((arg) => arg.replace('$(JOB_COMPLETION_INDEX)', String(completions - 1)));
    expect(args).toContain(`${completions - 1}/${completions}`);
    // The flags are right where the store is what fails.
    const { code, stdout } = await run([...args, '--dir', newPath()]);
    expect([code, JSON.parse(stdout)]).toMatchObject([1, { code: 'NOT_INSTALLED' }]);
  });

  it.each([
    'job.yaml',
    'helm-hook.yaml',
    'rotate-cronjob.yaml',
    'rewrap-job.yaml',
    'guard-policy.yaml',
    'encryption-configuration.yaml',
  ])('%s holds nothing that Helm would take for its own language', (name) => {
    expect(textOf(name)).not.toContain('{{');
  });
});

describe.skipIf(assets === undefined)('templates/ on a cluster', { timeout: START_MS }, () => {
  let bed: Bed;

  beforeAll(async () => {
    bed = await startBed();
    const labels = {
      'pod-security.kubernetes.io/enforce': 'restricted',
      'pod-security.kubernetes.io/warn': 'restricted',
    };
    await bed.api('POST', '/api/v1/namespaces', { metadata: { name: LEDGER, labels } });
    await bed.api('POST', '/api/v1/namespaces', { metadata: { name: PLATFORM } });
  }, START_MS);

  afterAll(() => bed?.stop());

  describe.each(['job.yaml', 'helm-hook.yaml', 'rewrap-job.yaml'])('%s', (name) => {
    it('is admitted as it is, and without a warning of PodSecurity', async () => {
      const { code, stderr } = await bed.cluster.kubectl(['apply', '--dry-run=server', '-f', fileOf(name)]);
      expect([code, stderr]).toEqual([0, '']);
    });

    it('makes Pods that the level restricted admits, and no others', async () => {
      const job = documentsOf(textOf(name)).find(({ kind }) => kind === 'Job');
      const { template } = (job?.['spec'] ?? {}) as { template: { spec: Record<string, unknown> } };
      const metadata = { name: 'as-the-job-makes-it', namespace: LEDGER };
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: template.spec };
      const tryOut = (manifest: object) =>
        bed.cluster.kubectl(['create', '--dry-run=server', '-f', '-'], { input: stringify(manifest) });
      const admitted = await tryOut(pod);
      expect([admitted.code, admitted.stderr]).toEqual([0, '']);
      const loose = await tryOut({ ...pod, spec: { ...template.spec, securityContext: {} } });
      expect([loose.code, loose.stderr]).toEqual([
        1,
        expect.stringContaining('violates PodSecurity "restricted:latest"'),
      ]);
    });
  });

  it('rewrap-job.yaml makes a Job, and another one at the next rotation, by the command that it names', async () => {
    const [, command = ''] = /^# {3}kubectl (.*)$/m.exec(textOf('rewrap-job.yaml')) ?? [];
    const args = command.replace('rewrap-job.yaml', fileOf('rewrap-job.yaml')).split(' ');
    const made = async () => {
      await bed.kubectl(args);
      const job = JSON.parse(await bed.kubectl(['get', 'job', 'palette-keys-rewrap', '-n', LEDGER, '-o', 'json']));
      return job.metadata.uid;
    };
    expect(await made()).not.toBe(await made());
  });

  it.each(['rbac.yaml', 'rbac-ingress.yaml', 'guard-policy.yaml'])(
    '%s is taken by the API server, without a warning',
    async (name) => {
      await Promise.all(
        ['cp-system', 'ingress-nginx', 'jet-system', 'ui-system'].map((namespace) =>
          bed.api('POST', '/api/v1/namespaces', { metadata: { name: namespace } }),
        ),
      );
      const { code, stderr } = await bed.cluster.kubectl(['apply', '--dry-run=server', '-f', fileOf(name)]);
      expect([code, stderr]).toEqual([0, '']);
    },
  );

  describe('the program in a Pod', () => {
    const POD_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';
    const mayPretend =
      (process.getuid?.() === 0 && !existsSync(POD_FOLDER)) || skipped(`${POD_FOLDER} cannot be made here`);
    let env: Readonly<Record<string, string | undefined>>;
    /** The topmost folder that was not there before. */
    let made: string | undefined;

    beforeAll(async () => {
      if (!mayPretend) return;
      await bed.kubectl(['create', 'serviceaccount', 'palette-keys', '-n', LEDGER]);
      // As job.yaml projects it: token, ca.crt and namespace.
      const spec = folderWith({ 'palette-keys.yaml': specText(SMALL) });
      const { stdout } = await runWell(['init', '--print-rbac'], { cwd: spec });
      await bed.kubectl(['apply', '-f', '-'], stdout);
      made = mkdirSync(POD_FOLDER, { recursive: true, mode: 0o755 });
      await writeToken();
      writeFileSync(path.join(POD_FOLDER, 'ca.crt'), bed.cluster.caPem);
      writeFileSync(path.join(POD_FOLDER, 'namespace'), LEDGER);
      const { hostname, port } = new URL(bed.cluster.url);
      env = { KUBECONFIG: undefined, KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
    });

    afterAll(() => {
      if (made !== undefined) rmSync(made, { recursive: true, force: true });
    });

    async function writeToken(): Promise<void> {
      const token = await bed.kubectl(['create', 'token', 'palette-keys', '-n', LEDGER, '--duration=10m']);
      writeFileSync(path.join(POD_FOLDER, 'token'), token.trim());
    }

    it.skipIf(!mayPretend)(
      'does as job.yaml says with a projected token alone: no kubeconfig, no home, nothing to write to',
      async () => {
        const cwd = folderWith({ 'palette-keys.yaml': specText(SMALL) });
        const home = path.join(newFolder(), 'none');
        const args = ['init', '-o', 'json'];
        const { stdout, stderr } = await runWell(args, { cwd, env: { ...env, HOME: home, TMPDIR: '/nonexistent' } });
        expect(JSON.stringify((JSON.parse(stdout) as InitResult)['store'])).toContain('in-cluster (https:');
        expect(stderr).not.toMatch(/error|warning:/);
        expect(await verdictOn(await bed.objects())).toBe('everything fits\n');
        const { items } = JSON.parse(await bed.kubectl(['get', 'events', '-n', LEDGER, '-o', 'json']));
        expect(items).toHaveLength(1);
      },
    );

    it.skipIf(!mayPretend)(
      'does nothing when the Job runs again on an upgrade, also without the spec, and with a new token',
      async () => {
        await writeToken();
        const { stdout } = await runWell(['init', '-o', 'json'], { env });
        expect(doings(JSON.parse(stdout) as InitResult)).toEqual([]);
        const status = await runWell(['status', '-o', 'json'], { env });
        expect(JSON.parse(status.stdout)).toMatchObject({ kind: 'Status' });
      },
    );

    it.skipIf(!mayPretend)('prefers a kubeconfig, or a folder, where one is named', async () => {
      const outside = await runWell(['status', '--kubeconfig', bed.kubeconfig], { env });
      expect(outside.code).toBe(0);
      const folder = newPath();
      await runWell(['init', '--dir', folder, '--dry-run', '-q'], { env });
    });

    it.skipIf(!mayPretend)('tells that a token is no longer accepted, and whose it is', async () => {
      writeFileSync(path.join(POD_FOLDER, 'token'), 'expired');
      await expect(runWell(['status'], { env })).rejects.toThrow(
        /does not accept the login \(HTTP 401\) of the service account of this Pod/,
      );
    });
  });
});
