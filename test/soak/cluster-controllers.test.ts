/** Namespaces that are deleted under an installation, as the controllers do it, and what brings the keys back. */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ageKeys,
  type Bed,
  bytesOf,
  keysOf,
  ledgerBytes,
  ledgerOf,
  type Objects,
  START_MS,
  startBed,
  verdictOn,
  versionsOf,
} from '../scenarios/cluster/bed.ts';
import { AUDIT, doings, type InitResult, LEDGER, PLATFORM, RECORD, specFile } from '../scenarios/program/store.ts';
import { startWarm } from '../scenarios/program/warm.ts';
import { openWorkshop, type Workshop } from '../support/cluster/processes.ts';
import { waitUntil } from '../support/cluster/wait.ts';
import { findAssetsOrSkip } from '../support/cluster.ts';
import { newPath, type Outcome, project, runWell } from '../support/program.ts';

const assets = findAssetsOrSkip();
const hasControllers = assets?.kubeControllerManager !== undefined;
const CONFIG = specFile();

/** What projections hold whole, and what only the ledger held. */
const HELD = ['hash-salt', 'jwt-signing-key', 'mongodb-auth', 'root-key'];
const LOST = [
  'cluster-ca',
  'internal-ca',
  'message-bus-operator',
  'message-bus-signing-key',
  'message-bus-system-account',
];

describe.skipIf(!hasControllers)('with the controllers at work', { timeout: START_MS }, () => {
  let bed: Bed;
  let workshop: Workshop;
  let made: Objects;
  let safe: { readonly recipient: string; readonly identity: string };
  let backup: string;
  const warm = startWarm();

  beforeAll(async () => {
    bed = await startBed();
    workshop = await openWorkshop();
    await startControllers();
    safe = await ageKeys();
    await install();
  }, START_MS);

  afterAll(async () => {
    await workshop?.close();
    await bed?.stop();
  });

  /** As kubeadm starts them: each controller has a service account of its own, which policies know it by. */
  async function startControllers(): Promise<void> {
    const { folder, caFile } = bed.cluster;
    await workshop.start('kube-controller-manager', assets?.kubeControllerManager ?? '', [
      `--kubeconfig=${bed.kubeconfig}`,
      `--root-ca-file=${caFile}`,
      `--service-account-private-key-file=${path.join(folder, 'service-account.key')}`,
      '--use-service-account-credentials',
      '--controllers=namespace-controller',
      '--leader-elect=false',
      '--secure-port=0',
    ]);
  }

  async function install(): Promise<void> {
    await bed.empty();
    await bed.runWell(['init', '--create-namespaces', '--config', CONFIG, '-q']);
    backup = newPath('keys.age');
    await program('backup', '--out', backup, '--recipient', safe.recipient);
    made = await bed.objects();
  }

  /** Has to end well; in a process that stays. */
  async function program(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await warm.run(['--kubeconfig', bed.kubeconfig, ...args]);
    expect(code, stderr).toBe(0);
    return stdout;
  }

  const init = async (...args: string[]): Promise<InitResult> =>
    JSON.parse(await program('init', '-o', 'json', ...args)) as InitResult;

  describe('a platform namespace that was deleted', () => {
    it('while it is being deleted, the run says so', async () => {
      await bed.kubectl(['delete', 'namespace', PLATFORM, '--wait=false']);
      await bed.api('DELETE', `/api/v1/namespaces/${PLATFORM}/secrets`);
      const { code, stderr } = await bed.run(['init', '--create-namespaces']);
      expect([code, stderr]).toEqual([1, expect.stringContaining(`namespace ${PLATFORM} is being deleted`)]);
      expect(stderr).toMatch(/^palette-keys: hint: wait until it is gone/m);
    });

    it('kubectl delete namespace comes to its end', async () => {
      await bed.kubectl(['delete', 'namespace', PLATFORM, '--timeout=60s']);
      expect([...(await bed.objects()).keys()].filter((ref) => ref.split('/')[1] === PLATFORM)).toEqual([]);
    });

    it('is missed by status, and by init, which names the flag that makes it', async () => {
      expect((await bed.run(['status'])).code).toBe(3);
      const { code, stdout, stderr } = await bed.run(['init', '-o', 'json']);
      expect([code, JSON.parse(stdout)]).toMatchObject([1, { kind: 'Error', code: 'NAMESPACE_MISSING' }]);
      expect(stderr).toContain(PLATFORM);
      expect(stderr).toMatch(/^palette-keys: hint: .*--create-namespaces/m);
      expect(ledgerOf(await bed.objects())).toEqual(ledgerOf(made));
    });

    it('every projection comes back with the same keys; the ledger is untouched', async () => {
      const { counts } = await init('--create-namespaces');
      expect(counts).toMatchObject({ create: 0, update: 0, blocked: 0 });
      const after = await bed.objects();
      expect([...after.keys()]).toEqual([...made.keys()]);
      expect(ledgerOf(after)).toEqual(ledgerOf(made));
      expect(keysOf(after)).toEqual(keysOf(made));
      expect(await verdictOn(after)).toBe('everything fits\n');
    });
  });

  describe('the namespace of the ledger that was deleted, projections being there', () => {
    let projections: Readonly<Record<string, string>>;

    beforeAll(async () => {
      await bed.kubectl(['delete', 'namespace', LEDGER]);
      projections = versionsOf(await bed.objects());
    }, START_MS);

    it('init refuses, says how to restore, and writes nothing', async () => {
      for (const flags of [[], ['--create-namespaces'], ['--yes', '--create-namespaces'], ['--restore', '--yes']]) {
        const { code, stdout, stderr } = await warm.run([
          ...['--kubeconfig', bed.kubeconfig, 'init', '-o', 'json', '--config', CONFIG, ...flags],
        ]);
        expect(code, stderr).toBe(5);
        expect((JSON.parse(stdout) as InitResult).counts['blocked']).toBeGreaterThan(0);
        expect(stderr).toMatch(/palette-keys restore FILE/);
        expect(stderr).toMatch(/palette-keys init --adopt/);
      }
      expect(versionsOf(await bed.objects())).toEqual(projections);
    });

    it('status says so, and that it is an error', async () => {
      const { code, stdout } = await warm.run(['--kubeconfig', bed.kubeconfig, 'status', '-o', 'json']);
      expect([code, stdout]).toEqual([3, expect.stringContaining('LEDGER_LOST')]);
    });

    it('restore brings every key back from the backup', async () => {
      await program('restore', backup, '--identity', safe.identity, '--yes');
      const after = await bed.objects();
      expect(keysOf(after)).toEqual(keysOf(made));
      expect(ledgerBytes(after)).toEqual(ledgerBytes(made));
      expect([...after.keys()]).toEqual([...made.keys()]);
      expect(await verdictOn(after)).toBe('everything fits\n');
      // The projections were right all the time.
      const { [RECORD]: record, [AUDIT]: audit, ...kept } = versionsOf(after);
      expect(kept).toMatchObject(projections);
    });

    describe('init --adopt', () => {
      let asked: Outcome;
      let outcome: Outcome;

      beforeAll(async () => {
        await bed.drop(LEDGER);
        const flags = ['init', '--adopt', '--create-namespaces', '--config', CONFIG];
        asked = await bed.run(flags);
        outcome = await bed.run([...flags, '--yes']);
      });

      it('is not done unasked', () => {
        expect(asked.code, asked.stderr).toBe(2);
      });

      it('takes in what projections hold, makes anew what they do not, and everything fits', async () => {
        expect(outcome.code, outcome.stderr).toBe(0);
        const after = await bed.objects();
        for (const kind of HELD) expect(kidOf(after, kind), kind).toBe(kidOf(made, kind));
        for (const kind of LOST) expect(kidOf(after, kind), kind).not.toBe(kidOf(made, kind));
        expect([...after.keys()]).toEqual([...made.keys()]);
        expect(await verdictOn(after)).toBe('everything fits\n');
        expect(doings(await init())).toEqual([]);
      });

      it('names every kind that is lost and made anew, before it is agreed to and when it is done', () => {
        const named = (text: string) =>
          LOST.filter((kind) => new RegExp(`${kind}\\b[^\\n]*(\\n +[^\\n]*)?\\b(lost|anew|by a new)`).test(text));
        expect.soft(named(asked.stderr), asked.stderr).toEqual(LOST);
        expect.soft(named(outcome.stderr + outcome.stdout), outcome.stderr).toEqual(LOST);
      });
    });
  });

  describe('a cluster that was wiped', () => {
    it('is brought back from the backup file alone: every kid, fingerprint and state, and all that workloads mount', async () => {
      await install();
      await bed.empty();
      await bed.runWell(['restore', backup, '--identity', safe.identity]);
      const after = await bed.objects();
      expect(keysOf(after)).toEqual(keysOf(made));
      expect(ledgerBytes(after)).toEqual(ledgerBytes(made));
      expect([...after.keys()]).toEqual([...made.keys()]);
      expect(await verdictOn(after)).toBe('everything fits\n');
      expect(doings(await init())).toEqual([]);
    });

    it('is brought back from a folder’s backup, and a folder from the cluster’s', async () => {
      const folder = newPath();
      await runWell(['restore', backup, '--identity', safe.identity, '--dir', folder]);
      const out = newPath('folder.age');
      await runWell(['backup', '--dir', folder, '--out', out, '--recipient', safe.recipient]);
      await bed.empty();
      await program('restore', out, '--identity', safe.identity);
      const after = await bed.objects();
      expect(keysOf(after)).toEqual(keysOf(made));
      expect(ledgerBytes(after)).toEqual(ledgerBytes(made));
      expect(await verdictOn(after)).toBe('everything fits\n');
    });

    it('a backup of another installation is refused', async () => {
      const before = versionsOf(await bed.objects());
      const folder = newPath();
      await runWell(['init', '--dir', folder, '--config', CONFIG, '-q']);
      const out = newPath('other.age');
      await runWell(['backup', '--dir', folder, '--out', out, '--recipient', safe.recipient]);
      const { code, stderr } = await warm.run([
        ...['--kubeconfig', bed.kubeconfig, 'restore', out, '--identity', safe.identity, '--yes'],
      ]);
      expect(code, stderr).toBe(5);
      expect(versionsOf(await bed.objects())).toEqual(before);
    });
  });

  describe('templates/guard-policy.yaml', () => {
    const secret = (name: string) => ['secret', name, '-n', PLATFORM];
    const asAdmin = (...args: string[]) => bed.cluster.kubectl(args);
    const patch = (data: unknown) => ['--type=merge', '-p', JSON.stringify(data)];
    const DENIED = /denied request: this object holds key material of palette-keys/;

    beforeAll(async () => {
      await install();
      await bed.kubectl(['apply', '-f', path.join(project, 'templates/guard-policy.yaml')]);
      const isOn = async () =>
        DENIED.test((await asAdmin('delete', ...secret('palette-hash-salt'), '--dry-run=server')).stderr);
      await waitUntil(isOn, { what: 'the policy to be effective', timeoutMs: 60_000 });
    }, START_MS);

    it.each([
      ['deleting what workloads mount', ['delete', ...secret('palette-root-key')]],
      ['deleting a ledger entry', ['delete', 'secret', 'palette-key-root-key-v1', '-n', LEDGER]],
      ['deleting all Secrets of the namespace', ['delete', 'secret', '--all', '-n', PLATFORM]],
      ['deleting the record', ['delete', 'configmap', 'palette-keys-installation', '-n', LEDGER]],
      ['altering a key', ['patch', ...secret('palette-root-key'), ...patch({ data: { key: 'bG9zdA==' } })]],
      ['taking an entry away', ['patch', ...secret('palette-root-key'), ...patch({ data: { kid: null } })]],
      ['adding an entry', ['patch', ...secret('palette-root-key'), ...patch({ stringData: { more: 'x' } })]],
      [
        'altering the record',
        ['patch', 'configmap', 'palette-keys-installation', '-n', LEDGER, ...patch({ data: { 'record.json': '{}' } })],
      ],
      [
        'adding binary data to the record',
        [
          'patch',
          'configmap',
          'palette-keys-installation',
          '-n',
          LEDGER,
          ...patch({ binaryData: { x: 'AAAA' } }),
          '--dry-run=server',
        ],
      ],
      ['taking the label away', ['label', ...secret('palette-root-key'), 'app.kubernetes.io/managed-by-']],
      [
        'making it immutable, so that it can never be rotated',
        ['patch', ...secret('palette-root-key'), ...patch({ immutable: true }), '--dry-run=server'],
      ],
      [
        'altering it along with the annotation',
        [
          'patch',
          ...secret('palette-root-key'),
          ...patch({
            metadata: { annotations: { 'palette-keys.dev/allow-change': 'now' } },
            data: { key: 'bG9zdA==' },
          }),
        ],
      ],
    ])('denies an administrator %s', async (_, args) => {
      const { code, stderr } = await asAdmin(...args);
      expect([code, stderr]).toEqual([1, expect.stringMatching(DENIED)]);
      expect(ledgerOf(await bed.objects())).toEqual(ledgerOf(made));
    });

    it('lets everybody change what is no key material: metadata, and objects of others', async () => {
      await bed.kubectl(['annotate', ...secret('palette-root-key'), 'example.org/note=seen']);
      await bed.kubectl(['label', ...secret('palette-root-key'), 'example.org/team=a']);
      await bed.kubectl(['create', 'secret', 'generic', 'somebody-elses', '-n', PLATFORM, '--from-literal=a=b']);
      await bed.kubectl(['delete', ...secret('somebody-elses')]);
    });

    it('lets who has given a reason delete', async () => {
      await bed.kubectl(['annotate', ...secret('palette-hash-salt'), 'palette-keys.dev/allow-change=ticket 4711']);
      await bed.kubectl(['delete', ...secret('palette-hash-salt')]);
    });

    it('init of an administrator tells what the policy says, and loses nothing', async () => {
      const before = bytesOf(await bed.objects(), `Secret/${PLATFORM}/palette-root-key`, 'key');
      const { code, stderr } = await bed.run(['init', '--yes']);
      if (code !== 0)
        expect([code, stderr]).toEqual([1, expect.stringContaining('this object holds key material of palette-keys')]);
      expect(bytesOf(await bed.objects(), `Secret/${PLATFORM}/palette-root-key`, 'key')).toEqual(before);
    });

    it('lets the service account of palette-keys do its work', async () => {
      await bed.kubectl(['create', 'serviceaccount', 'palette-keys', '-n', LEDGER]);
      await bed.kubectl(['apply', '-f', '-'], await program('init', '--print-rbac', '--config', CONFIG));
      const token = (await bed.kubectl(['create', 'token', 'palette-keys', '-n', LEDGER])).trim();
      const robot = await bed.cluster.kubeconfig('palette-keys', { token });
      await bed.runWell(['init', '--yes'], { env: { KUBECONFIG: robot } });
      expect(ledgerOf(await bed.objects())).toEqual(ledgerOf(made));
      expect(await verdictOn(withoutNotes(await bed.objects()))).toBe('everything fits\n');
    });

    it('lets the namespace controller empty a namespace that is deleted', async () => {
      await bed.kubectl(['delete', 'namespace', PLATFORM, '--timeout=60s']);
      expect(ledgerOf(await bed.objects())).toEqual(ledgerOf(made));
    });
  });
});

function kidOf(objects: Objects, kind: string): string | undefined {
  return keysOf(objects)
    .find((line) => line.startsWith(`${kind} v1 `))
    ?.split(' ')[2];
}

/** What the case before left on an object is none of the program's business. */
function withoutNotes(objects: Objects): Objects {
  const cleaned = [...objects].map(([ref, object]): [string, typeof object] => {
    const { labels = {}, annotations = {} } = object.metadata;
    const { 'example.org/team': team, ...ours } = labels;
    const { 'example.org/note': note, ...notes } = annotations;
    return [ref, { ...object, metadata: { ...object.metadata, labels: ours, annotations: notes } }];
  });
  return new Map(cleaned);
}
