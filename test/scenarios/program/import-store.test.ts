// Covers: src/cli/import-cert/store-import.ts, src/front-door/ingress-certificate.ts, src/reconcile/carry-out.ts
// Covers: src/reconcile/request.ts

/** What an import does to the store: what it replaces, keeps and leaves alone, and how the rest of the program takes it. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeLeaf, serverExtensions } from '../../support/openssl-pki.ts';
import { changesBetween, copyOf, fingerprintOf, newPath, runWell } from '../../support/program.ts';
import {
  documentOf,
  errorsIn,
  FQDN,
  fingerprintIn,
  INGRESS,
  Pki,
  pairFor,
  pkcs8,
  SAN,
  storedPair,
  WITH_DOMAIN,
} from './import-bed.ts';
import {
  AUDIT,
  doings,
  editEntries,
  entryOf,
  fileOf,
  type InitResult,
  install,
  LEDGER,
  pathOf,
  RECORD,
  readObject,
  readRecord,
  writeObject,
} from './store.ts';
import { haveTools, mayMount, smallDisk, tool } from './tools.ts';
import { startWarm } from './warm.ts';

const FILE = fileOf(INGRESS);

describe.skipIf(!haveTools('openssl')).concurrent('the store after an import', () => {
  const warm = startWarm(2);
  const pki = new Pki();
  const { intermediate } = pki;
  const second = pki.server({ keyName: 'p384-3', days: 200 });
  const third = pki.server({ days: 300 });
  const theirs = pki.server({ keyName: 'rsa2048-3', days: 60 });
  let fresh = '';
  /** With the first certificate in it. */
  let imported = '';

  const go = (folder: string, ...args: string[]) => warm.run([...args, '--dir', folder]);
  const importing = (folder: string, flags: readonly string[]) => go(folder, 'import-cert', '-o', 'json', ...flags);
  async function well(folder: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await go(folder, ...args);
    expect(code, stderr).toBe(0);
    return stdout;
  }
  const states = (folder: string) =>
    (readRecord(folder).keys['fqdn-certificate']?.versions ?? []).map(({ n, state }) => `v${n} ${state}`);
  const initOf = async (folder: string, ...flags: string[]) =>
    JSON.parse(await well(folder, 'init', '-o', 'json', ...flags)) as InitResult;

  beforeAll(async () => {
    fresh = await install(WITH_DOMAIN);
    imported = copyOf(fresh);
    await well(imported, 'import-cert', ...pki.flags());
  });

  it('the first one needs no --yes; it writes ledger, Secret, record, audit and nothing else', async () => {
    expect(changesBetween(fingerprintOf(fresh), fingerprintOf(imported))).toEqual(
      [
        '+ingress-nginx',
        '+ingress-nginx/secrets',
        `+${FILE}`,
        `+${fileOf(`Secret/${LEDGER}/palette-key-fqdn-certificate-v1`)}`,
        '00-namespaces.yaml',
        fileOf(AUDIT),
        fileOf(RECORD),
      ].sort(),
    );
    expect(readObject(imported, INGRESS).type).toBe('kubernetes.io/tls');
    expect(Object.keys(readObject(imported, INGRESS).data).sort()).toEqual(['tls.crt', 'tls.key']);
    expect([states(imported), storedPair(imported)]).toEqual([['v1 active'], pairFor(pki.leaf, intermediate)]);
    expect(entryOf(imported, AUDIT, 'audit.jsonl').trim().split('\n').at(-1)).toContain('import-cert');
  });

  it('has not one byte changed by the same certificate again: there is nothing to do', async () => {
    const before = fingerprintOf(imported, { times: true });
    for (const flags of [
      pki.flags(),
      ['--cert', pki.file(intermediate.pem + pki.leaf.pem), '--key', pki.key, '--ca', pki.ca],
    ]) {
      const outcome = await importing(imported, flags);
      expect([outcome.code, documentOf(outcome)], outcome.stderr).toMatchObject([0, { accepted: true, stored: false }]);
    }
    expect(await well(imported, 'import-cert', ...pki.flags())).toContain('Nothing to do');
    expect(fingerprintOf(imported, { times: true })).toEqual(before);
  });

  it('takes another certificate with --yes alone; the one before is kept as trusted, the one before that is retired', async () => {
    const folder = copyOf(imported);
    const before = fingerprintOf(folder, { times: true });
    const flags = pki.flags(second);
    const asked = await importing(folder, flags);
    expect([asked.code, asked.stderr]).toEqual([2, expect.stringContaining('--yes')]);
    const shown = await importing(folder, [...flags, '--dry-run']);
    expect([shown.code, documentOf(shown).stored]).toEqual([0, false]);
    expect(fingerprintOf(folder, { times: true })).toEqual(before);
    expect((await importing(folder, [...flags, '--yes'])).code).toBe(0);
    expect([states(folder), storedPair(folder)]).toEqual([['v1 trusted', 'v2 active'], pairFor(second, intermediate)]);
    expect((await importing(folder, [...pki.flags(third), '--yes'])).code).toBe(0);
    expect(states(folder)).toEqual(['v1 retired', 'v2 trusted', 'v3 active']);
    // And the first one again is the first version, not a fourth.
    expect((await importing(folder, [...pki.flags(), '--yes'])).code).toBe(0);
    expect(states(folder)).toEqual(['v1 active', 'v2 retired', 'v3 trusted']);
  });

  /** The ingress Secret as somebody else made it. */
  function madeByOthers(folder: string, data: Readonly<Record<string, string>>, type = 'kubernetes.io/tls'): void {
    const metadata = { name: 'default-ssl-certificate', namespace: 'ingress-nginx', labels: {}, annotations: {} };
    execFileSync('mkdir', ['-m', '700', '-p', path.dirname(path.dirname(pathOf(folder, INGRESS)))]);
    execFileSync('mkdir', ['-m', '700', '-p', path.dirname(pathOf(folder, INGRESS))]);
    const bytes = Object.fromEntries(Object.entries(data).map(([name, text]) => [name, Buffer.from(text)]));
    writeObject(folder, INGRESS, { apiVersion: 'v1', kind: 'Secret', metadata, type, data: bytes });
  }
  const pairOf = (leaf: typeof theirs) => ({ 'tls.crt': leaf.pem + intermediate.pem, 'tls.key': pkcs8(leaf) });

  it('a pair of somebody else is kept as a version that can come back, other entries and the type stay', async () => {
    const folder = copyOf(fresh);
    madeByOthers(folder, { ...pairOf(theirs), 'ca.crt': pki.root.pem, note: 'of the ingress team' }, 'Opaque');
    expect((await importing(folder, pki.flags())).code).toBe(2);
    expect((await importing(folder, [...pki.flags(), '--yes'])).code).toBe(0);
    expect([states(folder), storedPair(folder)]).toEqual([
      ['v1 trusted', 'v2 active'],
      pairFor(pki.leaf, intermediate),
    ]);
    const { type, data } = readObject(folder, INGRESS);
    expect([type, data['note']?.toString(), data['ca.crt']?.toString()]).toEqual([
      'Opaque',
      'of the ingress team',
      pki.root.pem,
    ]);
    const kept = readObject(folder, `Secret/${LEDGER}/palette-key-fqdn-certificate-v1`).data;
    expect(kept['tls.crt']?.toString()).toBe(theirs.pem + intermediate.pem);
    expect(doings(await initOf(folder))).toEqual([]);
  });

  it.each([
    ['a certificate that nobody can read', { 'tls.crt': 'lost', 'tls.key': 'lost' }],
    ['a key of another certificate', { 'tls.crt': theirs.pem, 'tls.key': pkcs8(pki.leaf) }],
    ['nothing', {}],
  ])('a Secret that holds %s is replaced', async (_, data) => {
    const folder = copyOf(fresh);
    madeByOthers(folder, data);
    expect((await importing(folder, [...pki.flags(), '--yes'])).code).toBe(0);
    expect([states(folder), storedPair(folder)]).toEqual([['v1 active'], pairFor(pki.leaf, intermediate)]);
  });

  it('a manifest that is no YAML is replaced', async () => {
    const folder = copyOf(imported);
    writeFileSync(pathOf(folder, INGRESS), '{', { mode: 0o600 });
    expect((await importing(folder, [...pki.flags(second), '--yes'])).code).toBe(0);
    expect([states(folder), storedPair(folder)]).toEqual([['v1 trusted', 'v2 active'], pairFor(second, intermediate)]);
  });

  it('without an installation there is nowhere to import into: exit code 1 names init and --verify-only', async () => {
    const folder = newPath();
    const outcome = await importing(folder, [...pki.flags(), '--fqdn', FQDN]);
    expect([outcome.code, JSON.parse(outcome.stdout)]).toMatchObject([1, { code: 'NOT_INSTALLED' }]);
    expect(outcome.stderr).toMatch(/hint: .*init.*--verify-only/);
  });

  describe('init', () => {
    it('finds nothing to do, status shows the certificate', async () => {
      const before = fingerprintOf(imported, { times: true });
      expect(doings(await initOf(imported))).toEqual([]);
      const status = JSON.parse(await well(imported, 'status', '-o', 'json')) as {
        keys: { key: string; versions?: { fingerprint?: string; notAfter?: string }[] }[];
      };
      const shown = status.keys.find(({ key }) => key === 'fqdn-certificate');
      expect(shown?.versions).toMatchObject([
        { n: 1, state: 'active', fingerprint: fingerprintIn(pki.leaf), notAfter: expect.stringMatching(/^20.*Z$/) },
      ]);
      expect(await well(imported, 'status')).toContain('fqdn-certificate v1');
      expect(await well(imported, 'status', '-o', 'prometheus')).toContain('fqdn-certificate');
      expect(fingerprintOf(imported, { times: true })).toEqual(before);
    });

    it('status measures the life of a certificate from its own beginning, not from its import', async () => {
      const folder = copyOf(fresh);
      const day = 86_400_000;
      const [from, to] = [new Date(Date.now() - 80 * day), new Date(Date.now() + 10.5 * day)];
      await well(folder, 'import-cert', ...pki.flags(pki.server({ validity: [from, to] })));
      const text = await well(folder, 'status');
      expect(text.split('\n').find((line) => line.startsWith('fqdn-certificate v1'))).toMatch(/\[====\] 10 d/);
      const { keys } = JSON.parse(await well(folder, 'status', '-o', 'json')) as {
        keys: { key: string; versions?: { notBefore?: string }[] }[];
      };
      const shown = keys.find(({ key }) => key === 'fqdn-certificate')?.versions?.[0]?.notBefore;
      expect(shown).toBe(`${from.toISOString().slice(0, 19)}Z`);
    });

    it('restores a deleted Secret, byte for byte', async () => {
      const folder = copyOf(imported);
      const bytes = readFileSync(pathOf(folder, INGRESS));
      rmSync(pathOf(folder, INGRESS));
      expect(doings(await initOf(folder))).toEqual([`restore ${INGRESS}`]);
      expect(readFileSync(pathOf(folder, INGRESS))).toEqual(bytes);
    });

    it('refuses a foreign certificate in it; --restore writes ours, --adopt makes a version of theirs', async () => {
      const folder = copyOf(imported);
      editEntries(folder, INGRESS, () => pairOf(theirs));
      const before = fingerprintOf(folder, { times: true });
      const { code, stdout } = await go(folder, 'init', '-o', 'json');
      const [finding] = (JSON.parse(stdout) as InitResult).findings;
      expect([code, finding]).toMatchObject([5, { code: 'FOREIGN_EDIT', subject: INGRESS }]);
      expect(fingerprintOf(folder, { times: true })).toEqual(before);
      const restored = copyOf(folder);
      await well(restored, 'init', '--restore', '--yes');
      expect(storedPair(restored)).toEqual(pairFor(pki.leaf, intermediate));
      await well(folder, 'init', '--adopt', '--yes');
      expect([states(folder).at(-1), storedPair(folder)]).toEqual(['v2 active', pairFor(theirs, intermediate)]);
      expect(doings(await initOf(folder))).toEqual([]);
    });
  });

  it('a backup holds it with the one before, and restore brings both back', { skip: !haveTools('age') }, async () => {
    const folder = copyOf(imported);
    expect((await importing(folder, [...pki.flags(second), '--yes'])).code).toBe(0);
    const out = newPath('keys.age');
    const identity = newPath('safe.key');
    execFileSync('age-keygen', ['-o', identity], { stdio: 'ignore' });
    const recipient = execFileSync('age-keygen', ['-y', identity]).toString().trim();
    await well(folder, 'backup', '--out', out, '--recipient', recipient);
    const plain = tool('age', ['-d', '-i', identity, out]).output;
    expect(plain.match(/palette-key-fqdn-certificate-v\d/g)).toEqual([
      'palette-key-fqdn-certificate-v1',
      'palette-key-fqdn-certificate-v2',
    ]);
    const restored = newPath();
    await runWell(['restore', out, '--dir', restored, '--identity', identity]);
    expect([states(restored), storedPair(restored)]).toEqual([
      ['v1 trusted', 'v2 active'],
      pairFor(second, intermediate),
    ]);
    expect(doings(await initOf(restored))).toEqual([]);
  });

  describe('csr', () => {
    const inWords = (request: string) => {
      const { code, output } = tool('openssl', ['req', '-verify', '-noout', '-text'], { input: request });
      expect([code, output]).toEqual([0, expect.stringContaining('verify OK')]);
      return output;
    };

    it('gives a request that openssl verifies; the answer is imported without --key', async () => {
      const folder = copyOf(fresh);
      const request = await well(
        folder,
        'csr',
        '--wildcard',
        '--previous-fqdn',
        'old.example.org',
        '--key-type',
        'p-256',
      );
      expect(inWords(request)).toMatch(
        /DNS:palette\.example\.org, DNS:\*\.palette\.example\.org, DNS:old\.example\.org/,
      );
      expect(request).not.toContain('PRIVATE');
      const flags = ['--cert', pki.answer(request), '--chain', intermediate.file, '--ca', pki.ca];
      expect((await importing(folder, flags)).code).toBe(0);
      expect(storedPair(folder)).toMatchObject({ fits: true });
      expect(doings(await initOf(folder))).toEqual([]);
      // The request was answered: another one is made.
      expect(
        await well(folder, 'csr', '--wildcard', '--previous-fqdn', 'old.example.org', '--key-type', 'p-256'),
      ).not.toBe(request);
    });

    it('again gives the same request; other names or another type of key give another', async () => {
      const folder = copyOf(fresh);
      const first = await well(folder, 'csr');
      const before = fingerprintOf(folder, { times: true });
      expect(await well(folder, 'csr')).toBe(first);
      expect(fingerprintOf(folder, { times: true })).toEqual(before);
      expect(await well(folder, 'csr', '--wildcard')).not.toBe(first);
      // The answer to the older request is still taken.
      expect(
        (await importing(folder, ['--cert', pki.answer(first), '--chain', intermediate.file, '--ca', pki.ca])).code,
      ).toBe(0);
    });

    it.each([
      ['rsa-2048', /Public-Key: \(2048 bit\)/],
      ['rsa-3072', /Public-Key: \(3072 bit\)/],
      ['rsa-4096', /Public-Key: \(4096 bit\)/],
      ['p-256', /ASN1 OID: prime256v1/],
      ['p-384', /ASN1 OID: secp384r1/],
    ])('makes %s keys', async (type, said) => {
      const out = newPath('palette.csr');
      const folder = copyOf(fresh);
      await well(folder, 'csr', '--key-type', type, '--out', out);
      expect(inWords(readFileSync(out, 'utf8'))).toMatch(said);
    });

    it('--out knows its own file: the same command again ends well, and writes nothing', async () => {
      const folder = copyOf(fresh);
      const out = newPath('palette.csr');
      await well(folder, 'csr', '--out', out);
      const before = [fingerprintOf(folder, { times: true }), fingerprintOf(path.dirname(out), { times: true })];
      await well(folder, 'csr', '--out', out);
      expect([fingerprintOf(folder, { times: true }), fingerprintOf(path.dirname(out), { times: true })]).toEqual(
        before,
      );
      // A file that was lost is written again, with the same request.
      const request = readFileSync(out, 'utf8');
      rmSync(out);
      await well(folder, 'csr', '--out', out);
      expect([readFileSync(out, 'utf8'), Object.keys(readRecord(folder).keys)]).toEqual([
        request,
        expect.arrayContaining(['fqdn-key']),
      ]);
      expect(readRecord(folder).keys['fqdn-key']?.versions).toHaveLength(1);
    });

    it.each<readonly [string, (request: string) => string]>([
      ['another file', () => 'theirs'],
      ['an empty file', () => ''],
      ['a part of the request', (request) => request.slice(0, 100)],
      ['the request of another key type', (request) => request],
    ])('--out does not overwrite %s: exit code 2, and no key is made', async (name, content) => {
      const folder = copyOf(fresh);
      const out = newPath('palette.csr');
      const request = await well(folder, 'csr', '-q');
      writeFileSync(out, content(request));
      const before = fingerprintOf(folder, { times: true });
      const type = name.includes('key type') ? ['--key-type', 'p-384'] : [];
      const { code, stderr } = await go(folder, 'csr', '--out', out, ...type);
      expect([code, stderr]).toEqual([2, expect.stringContaining('is there already')]);
      expect([readFileSync(out, 'utf8'), fingerprintOf(folder, { times: true })]).toEqual([content(request), before]);
    });

    it('of a full disk is given again where there is room: the same version', { skip: !mayMount() }, async () => {
      const folder = copyOf(fresh);
      const disk = smallDisk(16);
      const out = path.join(disk, 'palette.csr');
      writeFileSync(path.join(disk, 'fill'), Buffer.alloc(16 * 1024));
      expect((await go(folder, 'csr', '--out', out)).code).toBe(1);
      expect(readdirSync(disk)).toEqual(['fill']);
      rmSync(path.join(disk, 'fill'));
      await well(folder, 'csr', '--out', out);
      expect(readRecord(folder).keys['fqdn-key']?.versions).toHaveLength(1);
    });

    it('a certificate for another key is not the answer', async () => {
      const folder = copyOf(fresh);
      await well(folder, 'csr');
      const before = fingerprintOf(folder, { times: true });
      const outcome = await importing(folder, ['--cert', pki.chain, '--ca', pki.ca]);
      expect([outcome.code, errorsIn(documentOf(outcome))]).toEqual([4, ['KEY_MISSING']]);
      expect(fingerprintOf(folder, { times: true })).toEqual(before);
    });

    it('makes no key where the request could not be written', async () => {
      const folder = copyOf(fresh);
      const before = fingerprintOf(folder, { times: true });
      for (const out of [path.join(newPath('nowhere'), 'palette.csr'), folder]) {
        expect((await go(folder, 'csr', '--out', out)).code).toBe(2);
      }
      expect(fingerprintOf(folder, { times: true })).toEqual(before);
    });

    it('--dry-run writes nothing', async () => {
      const before = fingerprintOf(fresh, { times: true });
      await well(fresh, 'csr', '--dry-run');
      expect(fingerprintOf(fresh, { times: true })).toEqual(before);
    });
  });

  it('--verify-only needs no store, and judges as an import would', async () => {
    const lone = makeLeaf(intermediate, { extensions: serverExtensions(SAN) });
    const verify = (flags: readonly string[]) =>
      warm.run(['import-cert', '--verify-only', '--fqdn', FQDN, '-o', 'json', ...flags]);
    expect(documentOf(await verify(pki.flags()))).toMatchObject({ accepted: true, stored: false });
    expect((await verify(pki.flags(lone, []))).code).toBe(4);
    const { code, stderr } = await warm.run(['import-cert', '--verify-only', ...pki.flags()]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--fqdn')]);
  });
});
