// Covers: src/cli/spec-file.ts

import { X509Certificate } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { changesBetween, copyOf, fingerprintOf, folderWith, newPath, run } from '../../support/program.ts';
import {
  AUDIT,
  codesOf,
  doings,
  editEntries,
  entryOf,
  fileOf,
  type InitResult,
  install,
  LEDGER,
  PLATFORM,
  pathOf,
  RECORD,
  readRecord,
  SMALL,
  specFile,
  specText,
  verifyInstallation,
} from './store.ts';
import { startWarm } from './warm.ts';

const warm = startWarm(2);
const AUTH = { name: 'auth' };
const withServices = (...services: object[]) => ({ ...SMALL, serviceCertificates: { services } });

let store = '';

beforeAll(async () => {
  store = await install(withServices(AUTH, { name: 'user' }));
});

/** Applies a spec to a copy with --yes; the document, and the paths that changed but for record and audit. */
async function apply(parts: object, folder = copyOf(store)) {
  const before = fingerprintOf(folder);
  const spec = specFile({ ...parts });
  const asked = await warm.run(['init', '--dir', folder, '--config', spec, '-o', 'json']);
  const untouched = changesBetween(before, fingerprintOf(folder));
  const { code, stdout, stderr } = await warm.run(['init', '--yes', '--dir', folder, '--config', spec, '-o', 'json']);
  expect(code, stderr).toBe(0);
  const books = [fileOf(RECORD), fileOf(AUDIT)];
  const all = changesBetween(before, fingerprintOf(folder));
  const changed = all.filter((file) => !books.includes(file));
  expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
  return {
    folder,
    asked,
    untouched,
    document: JSON.parse(stdout) as InitResult,
    changed,
    booked: all.length - changed.length,
  };
}

const leaf = (name: string) => `Secret/${PLATFORM}/palette-${name}-tls`;

describe.concurrent('a changed spec', () => {
  it('asks for --yes where nobody can be asked, and names what would change', async () => {
    const { asked, untouched } = await apply(withServices(AUTH, { name: 'user' }, { name: 'mgmt' }));
    expect(asked.code).toBe(2);
    expect(JSON.parse(asked.stdout)).toMatchObject({ kind: 'Error', code: 'CONFIRMATION_NEEDED' });
    expect(asked.stderr).toMatch(/change the spec in 1 place/);
    expect(asked.stderr).toMatch(/^palette-keys: hint: .*--yes/m);
    expect(untouched).toEqual([]);
  });

  it('with another service: its certificate is made, and nothing else is touched', async () => {
    const { document, changed, booked } = await apply(withServices(AUTH, { name: 'user' }, { name: 'mgmt' }));
    expect(doings(document)).toEqual([`create ${leaf('mgmt')}`]);
    expect(changed).toEqual([`+${fileOf(leaf('mgmt'))}`]);
    expect(booked).toBe(2);
  });

  it('with a service in a new namespace: that namespace gets its bundle', async () => {
    const { changed } = await apply(withServices(AUTH, { name: 'user' }, { name: 'ui', namespace: 'ui-system' }));
    expect(changed.filter((file) => file.endsWith('.yaml'))).toEqual([
      '+ui-system/configmaps/palette-internal-ca-bundle.yaml',
      '+ui-system/secrets/palette-ui-tls.yaml',
      '00-namespaces.yaml',
    ]);
  });

  it.each<[string, object, string[]]>([
    ['a name more', withServices({ ...AUTH, dnsNames: ['auth.example.org'] }, { name: 'user' }), [leaf('auth')]],
    [
      'an address more',
      withServices({ ...AUTH, ipAddresses: ['10.0.0.1', '2001:db8::1'] }, { name: 'user' }),
      [leaf('auth')],
    ],
    [
      'a member of the database more',
      { ...withServices(AUTH, { name: 'user' }), mongodb: { members: 4 } },
      [leaf('mongodb')],
    ],
    [
      'a name of the gRPC endpoint more',
      { ...withServices(AUTH, { name: 'user' }), grpc: { dnsNames: ['grpc.example.org'] } },
      [leaf('grpc')],
    ],
    [
      'another cluster domain',
      { ...withServices(AUTH, { name: 'user' }), clusterDomain: 'example.internal' },
      ['auth', 'grpc', 'message-bus', 'mongodb', 'user'].map(leaf),
    ],
  ])('with %s: exactly the leaves that it concerns are issued anew', async (_, parts, expected) => {
    const { folder, document, changed } = await apply(parts);
    const others = changed.filter((file) => !expected.map(fileOf).includes(file));
    // The connection string has the hosts in it.
    expect(others.filter((file) => file !== fileOf(`Secret/${PLATFORM}/palette-mongodb-auth`))).toEqual([]);
    for (const ref of expected) {
      expect(doings(document)).toContain(`update ${ref}`);
      expect(document.steps.find(({ object }) => object === ref)?.reason).toMatch(/names differ: .*\+/);
      const [before, after] = [store, folder].map((place) => new X509Certificate(entryOf(place, ref, 'tls.crt')));
      expect(after?.serialNumber).not.toBe(before?.serialNumber);
    }
  });

  it('with a SAN less: the leaf no longer has it', async () => {
    const { folder } = await apply(
      withServices({ ...AUTH, dnsNames: ['old.example.org', 'kept.example.org'] }, { name: 'user' }),
    );
    const { changed } = await apply(
      withServices({ ...AUTH, dnsNames: ['kept.example.org'] }, { name: 'user' }),
      folder,
    );
    expect(changed).toEqual([fileOf(leaf('auth'))]);
    const { subjectAltName } = new X509Certificate(entryOf(folder, leaf('auth'), 'tls.crt'));
    expect(subjectAltName).toContain('kept.example.org');
    expect(subjectAltName).not.toContain('old.example.org');
  });

  it.each<[string, object, string]>([
    ['jwt.algorithm', { jwt: { algorithm: 'EdDSA' } }, 'jwt-signing-key'],
    ['jwt.algorithm to one with a shared secret', { jwt: { algorithm: 'HS256' } }, 'jwt-signing-key'],
    ['internalCA.keySize', { internalCA: { keySize: 3072 } }, 'internal-ca'],
    ['clusterCA.keySize', { clusterCA: { keySize: 4096 } }, 'cluster-ca'],
    ['mongodb.username', { mongodb: { username: 'other' } }, 'mongodb-auth'],
  ])('of %s is a finding ROTATION_NEEDED, and changes no object', async (_, parts, key) => {
    const { folder, document, changed } = await apply({ ...withServices(AUTH, { name: 'user' }), ...parts });
    expect(changed).toEqual([]);
    expect(document.findings).toContainEqual(
      expect.objectContaining({
        code: 'ROTATION_NEEDED',
        severity: 'warning',
        subject: key,
        remedy: expect.stringContaining('rotate'),
      }),
    );
    const status = await warm.run(['status', '--dir', folder, '-o', 'json']);
    expect(status.code).toBe(0);
    expect(codesOf(JSON.parse(status.stdout))).toContain('ROTATION_NEEDED');
  });

  it('without a service: its certificate stays, and is named as released', async () => {
    const { folder, document, changed } = await apply(withServices(AUTH));
    expect(document['released']).toEqual([leaf('user')]);
    expect(changed).toEqual([]);
    expect(existsSync(pathOf(folder, leaf('user')))).toBe(true);
    expect(readRecord(folder).spec).toMatchObject({ serviceCertificates: { services: [{ name: 'auth' }] } });
  });

  it('raises the generation by one; the next run with it changes nothing', async () => {
    const { folder, document } = await apply({
      ...withServices(AUTH, { name: 'user' }),
      rootDomain: 'palette.example.org',
    });
    expect(document['specChanges']).toEqual([{ path: 'rootDomain', before: null, after: 'palette.example.org' }]);
    expect(readRecord(folder)).toMatchObject({ generation: 2, ready: true });
    const before = fingerprintOf(folder, { times: true });
    expect((await warm.run(['init', '--dir', folder])).code).toBe(0);
    expect(fingerprintOf(folder, { times: true })).toEqual(before);
  });

  it('is found in ./palette-keys.yaml; --config goes before it; without both the record counts', async () => {
    const folder = copyOf(store);
    const cwd = folderWith({
      'palette-keys.yaml': specText({ ...withServices(AUTH, { name: 'user' }), rootDomain: 'here.example.org' }),
    });
    const plan = async (...flags: string[]) => {
      const { stdout } = await warm.run(['init', '--dry-run', '--dir', folder, '-o', 'json', ...flags], { cwd });
      return (JSON.parse(stdout) as InitResult)['specChanges'];
    };
    const there = specFile({ ...withServices(AUTH, { name: 'user' }), rootDomain: 'there.example.org' });
    expect(await plan()).toEqual([expect.objectContaining({ after: 'here.example.org' })]);
    expect(await plan('--config', there)).toEqual([expect.objectContaining({ after: 'there.example.org' })]);
    rmSync(path.join(cwd, 'palette-keys.yaml'));
    expect(await plan()).toEqual([]);
  });
});

describe.concurrent('--dry-run', () => {
  it('of a first run makes no folder, and says what would be made', async () => {
    const folder = newPath();
    const { code, stdout } = await warm.run(['init', '--dry-run', '--dir', folder, '-o', 'json']);
    const document = JSON.parse(stdout) as InitResult;
    expect(code).toBe(0);
    expect(document).toMatchObject({
      dryRun: true,
      installationId: null,
      counts: { create: 38, keep: 0, restore: 0, update: 0, blocked: 0 },
    });
    expect(existsSync(folder)).toBe(false);
  });

  it('of a change writes nothing, and needs no --yes', async () => {
    const folder = copyOf(store);
    const before = fingerprintOf(folder, { times: true });
    const { code, stdout } = await warm.run([
      'init',
      '--dry-run',
      '--dir',
      folder,
      '--config',
      specFile(withServices(AUTH, { name: 'new' })),
      '-o',
      'json',
    ]);
    expect(code).toBe(0);
    expect(doings(JSON.parse(stdout))).toEqual([`create ${leaf('new')}`]);
    expect(fingerprintOf(folder, { times: true })).toEqual(before);
  });

  it('of a refused run is refused', async () => {
    const folder = copyOf(store);
    rmSync(pathOf(folder, `Secret/${LEDGER}/palette-key-internal-ca-v1`));
    const { code, stdout } = await warm.run(['init', '--dry-run', '--dir', folder, '-o', 'json']);
    expect(code).toBe(5);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'InitResult', dryRun: true });
  });
});

const KID = /^[a-z2-7]{16}$/;
const FINGERPRINT = /^SHA256:[0-9a-f]{64}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const OBJECT = /^(Secret|ConfigMap)\/[a-z0-9-]+\/[a-z0-9.-]+$/;
const FINDING = {
  code: expect.stringMatching(/^[A-Z][A-Z0-9_]+$/),
  severity: expect.stringMatching(/^(error|warning|info)$/),
  subject: expect.any(String),
  message: expect.any(String),
  remedy: expect.any(String),
};

describe.concurrent('documents', () => {
  it('of kind InitResult have the form of the contract', async () => {
    const folder = newPath();
    const { stdout } = await run(['init', '--dir', folder, '--config', specFile(), '-o', 'json']);
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({
      apiVersion: 'palette-keys/v1',
      kind: 'InitResult',
      dryRun: false,
      installationId: readRecord(folder).installationId,
    });
    expect(document.store).toMatchObject({ kind: 'directory' });
    expect(document.counts).toEqual({ create: 20, keep: 0, restore: 0, update: 0, blocked: 0 });
    expect(document.steps).toHaveLength(20);
    for (const step of document.steps) {
      expect(step).toMatchObject({
        action: 'create',
        object: expect.stringMatching(OBJECT),
        key: expect.stringMatching(/^[a-z-]+$/),
      });
      if ('kid' in step) expect(step.kid).toMatch(KID);
      if ('fingerprint' in step) expect(step.fingerprint).toMatch(FINGERPRINT);
      expect(
        Object.keys(step).filter((name) => !['action', 'object', 'key', 'kid', 'fingerprint', 'reason'].includes(name)),
      ).toEqual([]);
      expect('kid' in step || 'fingerprint' in step, step.object).toBe(true);
    }
    for (const finding of document.findings) expect(finding).toEqual(FINDING);
    expect(codesOf(document)).toEqual(expect.arrayContaining(['ROOT_KEY_NOT_BACKED_UP', 'TENANT_KEY_BELOW_112_BITS']));
  });

  it('of kind InitResult come also when the run is refused', async () => {
    const folder = copyOf(store);
    rmSync(pathOf(folder, `Secret/${LEDGER}/palette-key-cluster-ca-v1`));
    const { code, stdout, stderr } = await warm.run(['init', '--dir', folder, '-o', 'json']);
    const document = JSON.parse(stdout) as InitResult;
    expect(code).toBe(5);
    expect(document).toMatchObject({
      kind: 'InitResult',
      counts: { create: 0, restore: 0, update: 0, blocked: expect.any(Number) },
    });
    expect(doings(document)).toContain(`blocked Secret/${LEDGER}/palette-key-cluster-ca-v1`);
    for (const finding of document.findings) expect(finding).toEqual(FINDING);
    expect(stderr).toMatch(/^palette-keys: error: /m);
  });

  it('of kind Status have the form of the contract', async () => {
    const { code, stdout, stderr } = await run(['status', '--dir', store, '-o', 'json']);
    const document = JSON.parse(stdout);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(document).toMatchObject({
      apiVersion: 'palette-keys/v1',
      kind: 'Status',
      installationId: readRecord(store).installationId,
    });
    for (const finding of document.findings) expect(finding).toEqual(FINDING);
    const { keys } = readRecord(store);
    for (const key of document.keys) {
      if (!Object.hasOwn(keys, key.key)) {
        expect(['service-certificates', 'mongodb-tls', 'grpc-tls', 'message-bus-tls']).toContain(key.key);
        expect(key).not.toHaveProperty('versions');
        for (const object of key.objects) {
          expect(object).toMatchObject({
            object: expect.stringMatching(OBJECT),
            fingerprint: expect.stringMatching(FINGERPRINT),
            notAfter: expect.stringMatching(TIME),
            rotateAfter: expect.stringMatching(TIME),
          });
        }
        continue;
      }
      for (const object of key.objects) expect(object).toMatch(OBJECT);
      expect(key.versions).toEqual([
        expect.objectContaining({
          n: 1,
          kid: expect.stringMatching(KID),
          state: 'active',
          since: expect.stringMatching(TIME),
          createdAt: expect.stringMatching(TIME),
        }),
      ]);
      if (key.key.endsWith('-ca'))
        expect(key).toMatchObject({ notAfter: expect.stringMatching(TIME), rotateAfter: expect.stringMatching(TIME) });
      expect(Array.isArray(key.findings)).toBe(true);
    }
    expect(document.keys.map(({ key }: { key: string }) => key)).toEqual(expect.arrayContaining(Object.keys(keys)));
  });

  it('of kind Error have the form of the contract', async () => {
    const { code, stdout } = await warm.run(['status', '--dir', newPath(), '-o', 'json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      apiVersion: 'palette-keys/v1',
      kind: 'Error',
      code: 'NOT_INSTALLED',
      message: expect.any(String),
      hint: expect.any(String),
    });
  });

  it.each([
    ['status', ['status']],
    ['init', ['init']],
    ['an error', ['init', '-n', 'elsewhere']],
  ])('say the same in YAML as in JSON: %s', async (_, args) => {
    const [json, yaml] = [
      await warm.run([...args, '--dir', store, '-o', 'json']),
      await warm.run([...args, '--dir', store, '-o', 'yaml']),
    ];
    expect(yaml.code).toBe(json.code);
    expect(parse(yaml.stdout)).toEqual(JSON.parse(json.stdout));
  });

  it('go to stdout alone, everything else to stderr; -q says nothing there', async () => {
    const folder = copyOf(store);
    rmSync(pathOf(folder, leaf('auth')));
    const { code, stdout, stderr } = await run(['init', '--dir', folder, '-q', '-o', 'json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ counts: { restore: 1 } });
  });
});

describe.concurrent('exit codes of status', () => {
  it('warnings are no error, unless --fail-on says so', async () => {
    expect((await warm.run(['status', '--dir', store])).code).toBe(0);
    expect((await warm.run(['status', '--dir', store, '--fail-on', 'error'])).code).toBe(0);
    expect((await run(['status', '--dir', store, '--fail-on', 'warning'])).code).toBe(3);
  });

  it.each(['table', 'json', 'yaml', 'prometheus'])(
    'an error is 3 with -o %s, and the result is there',
    async (format) => {
      const folder = copyOf(store);
      rmSync(pathOf(folder, `Secret/${PLATFORM}/palette-root-key`));
      const { code, stdout } = await warm.run(['status', '--dir', folder, '-o', format]);
      expect(code).toBe(3);
      expect(stdout).toContain('PROJECTION_MISSING');
    },
  );

  it('a run that was interrupted is a finding, not an error; the next one completes it without being asked', async () => {
    const folder = copyOf(store);
    editEntries(folder, RECORD, ({ 'record.json': json }) => ({
      'record.json': json?.toString().replace('"ready": true', '"ready": false'),
    }));
    const { code, stdout } = await warm.run(['status', '--dir', folder, '-o', 'json']);
    expect(code).toBe(0);
    expect(codesOf(JSON.parse(stdout))).toContain('INSTALLATION_INCOMPLETE');
    expect((await warm.run(['init', '--dir', folder])).code).toBe(0);
    expect(readRecord(folder).ready).toBe(true);
    expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
  });
});
