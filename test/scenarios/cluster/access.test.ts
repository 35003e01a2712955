// Covers: src/cli/access.ts, src/reconcile/access/

/** Least privilege: the RBAC that the program prints is enough, none of it is too much, and what is missing is named. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { callApi } from '../../support/cluster/api.ts';
import { waitUntil } from '../../support/cluster/wait.ts';
import { type AuditEvent, findAssetsOrSkip } from '../../support/cluster.ts';
import { newPath } from '../../support/program.ts';
import { doings, type InitResult, LEDGER, PLATFORM, specFile } from '../program/store.ts';
import { startWarm } from '../program/warm.ts';
import { ageKeys, type Bed, START_MS, startBed, verdictOn } from './bed.ts';

const assets = findAssetsOrSkip();
const ROBOT = `system:serviceaccount:${LEDGER}:palette-keys`;
const CONFIG = specFile();

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
  readonly [field: string]: unknown;
}

/** One verb of one rule, as the loop takes it away. */
interface Right {
  readonly role: Manifest;
  readonly rule: Rule;
  readonly verb: string;
}

describe.skipIf(assets === undefined)('with the RBAC that init --print-rbac prints', { timeout: START_MS }, () => {
  let bed: Bed;
  let rbac: string;
  let robot: string;
  const warm = startWarm();

  beforeAll(async () => {
    bed = await startBed({ audit: true, users: [{ name: 'pat' }, { name: 'eve', groups: ['keepers'] }] });
    rbac = (await bed.runWell(['init', '--print-rbac', '--config', CONFIG])).stdout;
    await setScene();
    // The tokens of a service account die with it: this one is bound to its name alone, so each scene makes it anew.
    robot = await robotLogin();
  }, START_MS);

  afterAll(() => bed?.stop());

  /** Namespaces, the service account, its roles, and Secrets that are none of its business. */
  async function setScene(manifests = rbac): Promise<void> {
    await bed.empty();
    await Promise.all([PLATFORM, LEDGER].map((name) => post('/api/v1/namespaces', { metadata: { name } })));
    await post(`/api/v1/namespaces/${LEDGER}/serviceaccounts`, { metadata: { name: 'palette-keys' } });
    for (const namespace of [PLATFORM, LEDGER, 'default']) {
      const bystander = { metadata: { name: 'somebody-elses' }, data: { key: 'bm90IHlvdXJz' } };
      await bed.api('POST', `/api/v1/namespaces/${namespace}/secrets`, bystander);
    }
    await bed.kubectl(['apply', '-f', '-'], manifests);
  }

  async function post(at: string, body: unknown): Promise<void> {
    const { status, body: answer } = await bed.api('POST', at, body);
    if (status !== 201) throw new Error(`POST ${at}: HTTP ${status} ${answer}`);
  }

  async function robotLogin(): Promise<string> {
    const token = (await bed.kubectl(['create', 'token', 'palette-keys', '-n', LEDGER])).trim();
    return bed.cluster.kubeconfig(ROBOT, { token });
  }

  /** Every binding of the manifests for somebody else. */
  function boundTo(name: string, manifests = rbac): string {
    const subjects = [{ kind: 'User', name, apiGroup: 'rbac.authorization.k8s.io' }];
    const documents = parseAllDocuments(manifests).map((document) => document.toJS() as Manifest);
    return documents
      .map((manifest) => `---\n${stringify(manifest['subjects'] === undefined ? manifest : { ...manifest, subjects })}`)
      .join('');
  }

  it.each([
    ['the service account', () => robotLogin(), () => rbac],
    ['a user', () => bed.cluster.kubeconfig('pat'), () => boundTo('pat')],
  ])('%s can do all that there is to do', async (_, logIn, manifests) => {
    await setScene(manifests());
    const login = ['--kubeconfig', await logIn()];
    const { recipient, identity } = await ageKeys();
    const first = await bed.runWell([...login, 'init', '--config', CONFIG, '-o', 'json']);
    expect((JSON.parse(first.stdout) as InitResult).counts).toMatchObject({ keep: 0, blocked: 0 });
    const well = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await warm.run([...login, ...args]);
      expect(code, stderr).toBe(0);
      return stdout;
    };
    expect(doings(JSON.parse(await well('init', '-o', 'json')) as InitResult)).toEqual([]);
    await well('status');
    const out = newPath('keys.age');
    await well('backup', '--out', out, '--recipient', recipient);
    // What was deleted comes back, what was edited is mended.
    await bed.api('DELETE', `/api/v1/namespaces/${PLATFORM}/secrets/palette-root-key`);
    await bed.api('PATCH', `/api/v1/namespaces/${PLATFORM}/configmaps/palette-internal-ca-bundle`, {
      data: { 'ca.crt': 'lost' },
    });
    await well('init', '--yes');
    expect(await verdictOn(await bed.objects())).toBe('everything fits\n');
    await well('restore', out, '--identity', identity, '--verify');
    const { items } = JSON.parse(await bed.kubectl(['get', 'events', '-A', '-o', 'json'])) as {
      items: { metadata: { namespace: string }; reportingComponent: string }[];
    };
    // The API server has its own to tell, of addresses that it repairs.
    const ours = items.filter(({ reportingComponent }) => reportingComponent === 'palette-keys');
    const places = new Set(ours.map(({ metadata }) => metadata.namespace));
    expect([...places].sort()).toEqual([PLATFORM, LEDGER].sort());
  });

  it('--adopt, which looks for CAs made by hand besides, works or says as RBAC what it needs for that', async () => {
    await setScene();
    const args = ['init', '--adopt', '--dry-run', '--config', CONFIG, '--kubeconfig', await robotLogin()];
    const { code, stderr } = await warm.run(args);
    const besides = ['cluster-ca', 'internal-ca'].map((name) => `get secrets palette-${name} in ${PLATFORM}`);
    const said = rightsIn(manifestsIn(stderr)).flatMap(inWords).sort();
    expect([code, said], stderr).toEqual(code === 0 ? [0, []] : [1, besides]);
  });

  describe('less one right', () => {
    /** Those that `init` never uses on its first run; without each of them it works all the same. */
    const isSpare = ({ rule, verb }: Right) =>
      ['events', 'namespaces'].includes(rule.resources[0] ?? '') ||
      (verb === 'update' && rule.resourceNames?.some((name) => name.startsWith('palette-auth')) === true) ||
      (verb === 'update' && rule.resourceNames?.includes('palette-jwks') === true);

    const placeOf = ({ kind, metadata: { name, namespace } }: Manifest) =>
      `/apis/rbac.authorization.k8s.io/v1/${namespace === undefined ? '' : `namespaces/${namespace}/`}${kind.toLowerCase()}s/${name}`;

    async function setRules(role: Manifest, rules: readonly Rule[]): Promise<void> {
      const { status, body } = await bed.api('PUT', placeOf(role), { ...role, rules });
      if (status !== 200) throw new Error(`PUT ${placeOf(role)}: HTTP ${status} ${body}`);
    }

    const without = (role: Manifest, gone: readonly Right[]) =>
      (role.rules ?? []).flatMap((rule) => {
        const verbs = rule.verbs.filter((verb) => !gone.some((right) => right.rule === rule && right.verb === verb));
        return verbs.length === 0 ? [] : [{ ...rule, verbs }];
      });

    /** RBAC is read from a cache of the API server's: a change takes a moment. */
    async function settled({ role, rule, verb }: Right, allowed: boolean): Promise<void> {
      const { namespace } = role.metadata;
      const [group, resource, name] = [rule.apiGroups[0], rule.resources[0], rule.resourceNames?.[0]];
      const body = { spec: { resourceAttributes: { verb, group, resource, name, namespace } } };
      const token = parse(await readFile(robot, 'utf8')).users[0].user.token as string;
      const ask = async () => {
        const url = `${bed.cluster.url}/apis/authorization.k8s.io/v1/selfsubjectaccessreviews`;
        const answer = await callApi(url, bed.cluster.caPem, { method: 'POST', token, body: JSON.stringify(body) });
        return JSON.parse(answer.body).status?.allowed === allowed;
      };
      await waitUntil(ask, { what: `${verb} ${resource} to be ${allowed}`, timeoutMs: 10_000 });
    }

    beforeAll(async () => {
      await setScene();
      robot = await robotLogin();
    });

    it('init names exactly that one, in words and as RBAC, with exit code 1, before anything is written', async () => {
      const needed = rightsIn(rbac).filter((right) => !isSpare(right));
      expect(needed.length).toBeGreaterThan(12);
      for (const right of needed) {
        const { role } = right;
        await setRules(role, without(role, [right]));
        await settled(right, false);
        const { code, stdout, stderr } = await warm.run([
          ...['init', '--kubeconfig', robot, '--config', CONFIG, '-o', 'json'],
        ]);
        await setRules(role, role.rules ?? []);
        await settled(right, true);
        const said = inWords(right).join('; ');
        expect.soft(code, `${said}: ${stderr}`).toBe(1);
        const { kind, code: what, details } = JSON.parse(stdout || '{}') as Record<string, unknown>;
        expect.soft({ kind, code: what }, said).toEqual({ kind: 'Error', code: 'ACCESS_DENIED' });
        const named = ((details ?? []) as { message: string }[]).map(({ message }) => message).sort();
        expect.soft(named, said).toEqual([...inWords(right)].sort());
        const granted = rightsIn(manifestsIn(stderr)).flatMap(inWords).sort();
        expect.soft(granted, said).toEqual([...inWords(right)].sort());
      }
      expect((await bed.objects()).size).toBe(0);
      expect(
        (await bed.api('GET', `/apis/coordination.k8s.io/v1/namespaces/${LEDGER}/leases/palette-keys`)).status,
      ).toBe(404);
    });

    it('status names what it may not read, and no right that only init needs', async () => {
      const [right] = rightsIn(rbac).filter(({ rule, verb }) => verb === 'list' && rule.resources[0] === 'secrets');
      if (right === undefined) throw new Error('no right to list Secrets is printed');
      await setRules(right.role, without(right.role, [right]));
      await settled(right, false);
      const { code, stderr } = await warm.run(['status', '--kubeconfig', robot]);
      await setRules(right.role, right.role.rules ?? []);
      await settled(right, true);
      expect([code, stderr]).toEqual([1, expect.stringContaining(`- list secrets in ${LEDGER}\n`)]);
      const verbs = rightsIn(manifestsIn(stderr)).map(({ verb }) => verb);
      expect([...new Set(verbs)].sort().filter((verb) => !['get', 'list'].includes(verb))).toEqual([]);
    });

    it('init does its work without the rights to tell of it, to look at namespaces, and to update what is not there yet', async () => {
      const spare = rightsIn(rbac).filter(isSpare);
      expect(spare.length).toBe(5);
      for (const { role } of spare) await setRules(role, without(role, spare));
      for (const right of spare) await settled(right, false);
      const { code, stderr } = await warm.run(['init', '--kubeconfig', robot, '--config', CONFIG, '-q']);
      expect([code, stderr]).toEqual([0, '']);
      expect(await verdictOn(await bed.objects())).toBe('everything fits\n');
    });

    it('an update is asked for by the name of the one object that needs it', async () => {
      await bed.api('PATCH', `/api/v1/namespaces/${PLATFORM}/secrets/palette-auth-tls`, {
        data: { 'ca.crt': 'bG9zdA==' },
      });
      const before = await bed.objects();
      const { code, stdout } = await warm.run(['init', '--yes', '--kubeconfig', robot, '-o', 'json']);
      const { details } = JSON.parse(stdout) as { details: { message: string }[] };
      expect([code, details]).toEqual([1, [{ message: `update secrets palette-auth-tls in ${PLATFORM}` }]]);
      expect(await bed.objects()).toEqual(before);
    });
  });

  it('the RBAC that a refusal prints, applied, is what was missing, and takes nothing away', async () => {
    await setScene();
    const documents = parseAllDocuments(rbac).map((document) => document.toJS() as Manifest);
    const [role] = documents.filter(({ kind, metadata }) => kind === 'Role' && metadata.namespace === PLATFORM);
    const rules = (role?.rules ?? []).filter(({ verbs }) => !verbs.includes('create'));
    await bed.kubectl(['apply', '-f', '-'], `---\n${stringify({ ...role, rules })}`);
    const denied = async () => warm.run(['init', '--config', CONFIG, '--kubeconfig', await robotLogin()]);
    const refused = await denied();
    expect(refused.code, refused.stderr).toBe(1);
    await bed.kubectl(['apply', '-f', '-'], manifestsIn(refused.stderr));
    let { code, stderr } = await denied();
    // The API server knows of new roles a moment later.
    for (let n = 0; n < 4 && code !== 0; n += 1) ({ code, stderr } = await denied());
    expect(code, stderr).toBe(0);
  });

  it('who may nothing at all is told the whole of it', async () => {
    await setScene();
    const env = { KUBECONFIG: await bed.cluster.kubeconfig('pat') };
    // The user of an earlier case: his bindings went with the namespaces, the one for the cluster is overwritten.
    const { code, stderr, stdout } = await bed.run(['init', '--config', CONFIG, '-o', 'json'], { env });
    expect([code, JSON.parse(stdout)]).toMatchObject([1, { kind: 'Error', code: 'ACCESS_DENIED' }]);
    const rules = (text: string) =>
      parseAllDocuments(text)
        .map((document) => document.toJS() as Manifest)
        .map(({ kind, metadata, rules: found }) => [kind, metadata.namespace, found])
        .filter(([, , found]) => found !== undefined);
    expect(rules(manifestsIn(stderr))).toEqual(rules(rbac));
    expect(stderr).toContain('name: pat\n');
    expect((await bed.objects()).size).toBe(0);
  });

  describe('acting as somebody else', () => {
    it('--as counts for everything that is asked and done', async () => {
      await setScene();
      await bed.runWell(['init', '--as', ROBOT, '--config', CONFIG, '-q']);
      const { code, stderr } = await bed.run(['status', '--as', 'eve']);
      expect([code, stderr]).toEqual([1, expect.stringContaining('What eve is missing')]);
    });

    it('--as-group adds its rights', async () => {
      const admins = ['status', '--as', 'eve', '--as-group', 'keepers', '--as-group', 'system:masters'];
      expect((await bed.run(admins)).code).toBe(0);
      expect((await bed.run(['status', '--as-group', 'keepers'])).code).toBe(2);
    });
  });

  describe('by the API server’s audit log of all of the above', () => {
    let requests: readonly AuditEvent[];

    beforeAll(async () => {
      const events = await bed.cluster.auditEvents();
      requests = events.filter(({ userAgent }) => /^palette-keys\//.test(String(userAgent)));
      expect(requests.length).toBeGreaterThan(500);
    });

    it('it gets, lists, creates and updates; it never deletes, patches or watches', () => {
      expect([...new Set(requests.map(({ verb }) => verb))].sort()).toEqual(['create', 'get', 'list', 'update']);
    });

    it('it lists Secrets and ConfigMaps of the ledger’s namespace, and nothing else', () => {
      const lists = requests.filter(({ verb }) => verb === 'list').map(({ objectRef }) => objectRef);
      const places = new Set(lists.map((ref) => `${ref?.resource} ${ref?.namespace}`));
      expect([...places].sort()).toEqual([`configmaps ${LEDGER}`, `secrets ${LEDGER}`]);
    });

    it('it touches no Secret but its own, by name', () => {
      const names = requests
        .filter(({ verb, objectRef }) => objectRef?.resource === 'secrets' && verb !== 'list')
        .map(({ objectRef }) => `${objectRef?.namespace}/${objectRef?.name}`);
      const printed = rightsToNames(rbac);
      const foreign = [...new Set(names)].filter(
        (name) => !printed.has(name) && !new RegExp(`^${LEDGER}/palette-key-[a-z-]+-v1$`).test(name),
      );
      expect(foreign).toEqual([]);
      expect(names.filter((name) => name.includes('somebody-elses'))).toEqual([]);
    });

    it('besides, it looks at its namespaces, its lease and its own rights, and tells Events', () => {
      const others = requests.filter(({ objectRef }) => !['secrets', 'configmaps'].includes(objectRef?.resource ?? ''));
      const touched = new Set(others.map(({ verb, objectRef }) => `${verb} ${objectRef?.resource ?? 'version'}`));
      expect([...touched].sort()).toEqual([
        ...['create events', 'create leases', 'create selfsubjectaccessreviews', 'create selfsubjectreviews'],
        ...['get leases', 'get namespaces', 'get version', 'update leases'],
      ]);
    });
  });
});

/** The YAML that a refusal writes to stderr, before the message. */
function manifestsIn(stderr: string): string {
  const [, text = ''] = /^# What .* is missing, as RBAC:\n([\s\S]*?)(?=^palette-keys: error:)/m.exec(stderr) ?? [];
  return text;
}

function rightsToNames(text: string): ReadonlySet<string> {
  const roles = parseAllDocuments(text).map((document) => document.toJS() as Manifest);
  return new Set(
    roles.flatMap(({ metadata, rules = [] }) =>
      rules
        .filter(({ resources }) => resources.includes('secrets'))
        .flatMap(({ resourceNames = [] }) => resourceNames.map((name) => `${metadata.namespace}/${name}`)),
    ),
  );
}

function rightsIn(text: string): readonly Right[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest)
    .flatMap((role) => (role.rules ?? []).flatMap((rule) => rule.verbs.map((verb): Right => ({ role, rule, verb }))));
}

/** As the program words it: `get secrets palette-root-key in hubble-system`. */
function inWords({ role, rule, verb }: Right): readonly string[] {
  const group = rule.apiGroups[0] ? `.${rule.apiGroups[0]}` : '';
  const { namespace } = role.metadata;
  return (rule.resourceNames ?? [undefined]).map(
    (name) =>
      `${verb} ${rule.resources[0]}${group}${name === undefined ? '' : ` ${name}`}${namespace === undefined ? '' : ` in ${namespace}`}`,
  );
}
