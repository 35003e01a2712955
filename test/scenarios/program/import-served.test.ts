// Covers: src/cli/import-cert/probe.ts, src/front-door/watch-served.ts

/** What an import stored, served by nginx to other people's clients; and what --probe makes of what is served. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PASSPHRASE } from '../../certificate/import/inputs.ts';
import { waitUntil } from '../../support/cluster/wait.ts';
import { type KeyName, type Made, makeRoot } from '../../support/openssl-pki.ts';
import { copyOf, fileWith, fingerprintOf, newFolder, newPath, start } from '../../support/program.ts';
import { FQDN, fingerprintIn, INGRESS, Pki, pairFor, pkcs8, storedPair, WITH_DOMAIN } from './import-bed.ts';
import { install, readObject, readRecord } from './store.ts';
import { freePort, haveTools, tool } from './tools.ts';
import { startWarm } from './warm.ts';

const CLIENTS = fileURLToPath(new URL('../../support/tls-clients', import.meta.url));

describe.skipIf(!haveTools('openssl', 'nginx'))('a certificate that was imported', () => {
  const warm = startWarm(2);
  const pki = new Pki();
  const { intermediate, root } = pki;
  const secret = fileWith(PASSPHRASE, 'passphrase');
  const servers: ChildProcess[] = [];
  let store = '';

  beforeAll(async () => {
    store = await install(WITH_DOMAIN);
  });
  afterAll(() => {
    for (const child of servers) child.kill('SIGTERM');
  });

  /** nginx on ports of 127.0.0.1, each with the ingress Secret of a folder; as an ingress it reads files when told to. */
  async function serve(folders: readonly string[]) {
    const place = newFolder();
    const ports: number[] = [];
    for (const _ of folders) ports.push(await freePort());
    const load = () => {
      for (const [i, folder] of folders.entries()) {
        const { data } = readObject(folder, INGRESS);
        for (const name of ['tls.crt', 'tls.key'])
          writeFileSync(path.join(place, `${i}.${name}`), data[name] ?? '', { mode: 0o600 });
      }
    };
    const blocks = ports.map(
      (port, i) => `server {
        listen 127.0.0.1:${port} ssl;
        ssl_certificate ${i}.tls.crt;
        ssl_certificate_key ${i}.tls.key;
        location / { return 200 "served"; }
      }`,
    );
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${place};`);
    writeFileSync(
      path.join(place, 'nginx.conf'),
      `daemon off; pid ${place}/pid; error_log stderr; events {}
       http { access_log off; ${paths.join(' ')} ${blocks.join('\n')} }`,
    );
    load();
    const child = spawn('nginx', ['-e', 'stderr', '-p', place, '-c', path.join(place, 'nginx.conf')], {
      env: { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
      stdio: 'ignore',
    });
    servers.push(child);
    // It answers on none of them before it listens on all.
    const answers = async () => shownOn(ports[0] ?? 0) !== '';
    await waitUntil(answers, { what: 'nginx to answer', timeoutMs: 20_000 });
    return {
      ports,
      reload: () => {
        load();
        child.kill('SIGHUP');
      },
    };
  }

  /** The fingerprint of what a port serves, by openssl. */
  function shownOn(port: number): string {
    const { output } = tool('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', FQDN]);
    const [pem] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(output) ?? [];
    if (pem === undefined) return '';
    const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
    return `SHA256:${createHash('sha256').update(der).digest('hex')}`;
  }

  async function importInto(folder: string, ...flags: readonly string[]): Promise<string> {
    const { code, stderr } = await warm.run(['import-cert', '--dir', folder, '--ca', pki.ca, '--yes', ...flags]);
    expect(code, stderr).toBe(0);
    return folder;
  }

  describe('is served by nginx', () => {
    const KEYS: readonly KeyName[] = ['rsa2048-3', 'p256-3', 'p384-3'];
    const leaves = KEYS.map((keyName) => pki.server({ keyName }));
    const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
    const INPUTS: Readonly<Record<string, (leaf: Made, key: string) => readonly string[]>> = {
      PEM: (leaf, key) => ['--cert', leaf.file, '--chain', intermediate.file, '--key', key],
      'PKCS#12': (leaf, key) => {
        const out = newPath('pair.p12');
        const chain = ['-in', leaf.file, '-certfile', intermediate.file];
        openssl('pkcs12', '-export', '-inkey', key, ...chain, '-passout', `pass:${PASSPHRASE}`, '-out', out);
        return ['--pfx', out, '--passphrase-file', secret];
      },
      'PKCS#7': (leaf, key) => {
        const out = newPath('chain.p7b');
        openssl('crl2pkcs7', '-nocrl', '-certfile', intermediate.file, '-certfile', leaf.file, '-out', out);
        return ['--cert', out, '--key', key];
      },
    };
    const expected = Object.keys(INPUTS).flatMap(() => leaves.map(fingerprintIn));
    const foreign = makeRoot({ subject: '/CN=Foreign', keyName: 'p256-9' });
    let ports: readonly number[] = [];

    beforeAll(async () => {
      const folders = await Promise.all(
        Object.values(INPUTS).flatMap((flags) =>
          leaves.map((leaf) => importInto(copyOf(store), ...flags(leaf, pki.file(pkcs8(leaf))))),
        ),
      );
      for (const [i, folder] of folders.entries())
        expect(storedPair(folder)).toEqual(pairFor(leaves[i % leaves.length] as Made, intermediate));
      ({ ports } = await serve(folders));
    }, 180_000);

    it('to openssl s_client, which verifies chain and name', () => {
      const connect = (port: number, ca: Made, name = FQDN) =>
        tool('openssl', [
          ...['s_client', '-connect', `127.0.0.1:${port}`, '-servername', name, '-CAfile', ca.file],
          ...['-verify_return_error', '-verify_hostname', name],
        ]);
      for (const port of ports) {
        const { code, output } = connect(port, root);
        expect([code, output]).toEqual([0, expect.stringContaining('Verify return code: 0 (ok)')]);
      }
      expect(ports.map(shownOn)).toEqual(expected);
      expect(connect(ports[0] ?? 0, foreign).code).not.toBe(0);
      expect(connect(ports[0] ?? 0, root, 'other.example.org').code).not.toBe(0);
    });

    it('to curl', { skip: !haveTools('curl') }, () => {
      const get = (port: number, ca: Made, name = FQDN) =>
        tool('curl', [
          ...['-sS', '--noproxy', '*', '--cacert', ca.file, '--resolve', `${name}:${port}:127.0.0.1`],
          `https://${name}:${port}/`,
        ]);
      for (const port of ports) {
        expect(get(port, root)).toEqual({ code: 0, output: 'served' });
        expect(get(port, root, `tenant.${FQDN}`)).toEqual({ code: 0, output: 'served' });
      }
      expect(get(ports[0] ?? 0, foreign).code).not.toBe(0);
    });

    /** A client that takes CA, name and ports, and prints fingerprints. */
    function expectServed(command: string, args: readonly string[]): void {
      const ask = (ca: Made, name: string) => tool(command, [...args, ca.file, name, ...ports.map(String)]);
      const { code, output } = ask(root, FQDN);
      expect([code, output.trim().split('\n')]).toEqual([0, expected.map((print) => print.replace('SHA256:', ''))]);
      expect(ask(foreign, FQDN).code).not.toBe(0);
      expect(ask(root, 'other.example.org').code).not.toBe(0);
    }

    it('to a client in Go', { skip: !haveTools('go'), timeout: 120_000 }, () => {
      const binary = newPath('client');
      execFileSync('go', ['build', '-o', binary, path.join(CLIENTS, 'client.go')], {
        cwd: newFolder(),
        env: { ...process.env, GOTOOLCHAIN: 'local', GO111MODULE: 'off', CGO_ENABLED: '0' },
        stdio: 'pipe',
      });
      expectServed(binary, []);
    });

    it('to a client in Java', { skip: !haveTools('javac', 'java'), timeout: 120_000 }, () => {
      const classes = newFolder();
      execFileSync('javac', ['-d', classes, path.join(CLIENTS, 'Client.java')], { stdio: 'pipe' });
      expectServed('java', ['-cp', classes, 'Client']);
    });
  });

  describe('--probe', () => {
    const next = pki.server({ days: 200 });
    const states = (folder: string) =>
      readRecord(folder).keys['fqdn-certificate']?.versions.map(({ n, state }) => `v${n} ${state}`);
    const probing = (folder: string, port: number, ...more: string[]) =>
      start(['import-cert', '--dir', folder, '--yes', ...pki.flags(next), '--probe', `127.0.0.1:${port}`, ...more]);
    let first = '';

    beforeAll(async () => {
      first = await importInto(copyOf(store), ...pki.flags());
    });

    it('waits until the new certificate is served, as it is after a reload', async () => {
      const folder = copyOf(first);
      const { ports, reload } = await serve([folder]);
      const [port = 0] = ports;
      const before = fingerprintOf(folder);
      const running = probing(folder, port);
      const isStored = async () =>
        fingerprintOf(folder)['ingress-nginx/secrets/default-ssl-certificate.yaml'] !==
        before['ingress-nginx/secrets/default-ssl-certificate.yaml'];
      await waitUntil(isStored, { what: 'the Secret to be written', timeoutMs: 20_000 });
      expect(shownOn(port)).toBe(fingerprintIn(pki.leaf));
      reload();
      const { code, stderr } = await running.outcome;
      expect(code, stderr).toBe(0);
      expect(shownOn(port)).toBe(fingerprintIn(next));
      expect(states(folder)).toEqual(['v1 trusted', 'v2 active']);
    });

    it('without a reload: exit code 1 with what is still served, and the likely reason', async () => {
      const folder = copyOf(first);
      const [port = 0] = (await serve([folder])).ports;
      const { code, stdout, stderr } = await probing(folder, port, '--probe-timeout', '1s', '-o', 'json').outcome;
      expect([code, JSON.parse(stdout)], stderr).toMatchObject([1, { kind: 'Error', code: 'NOT_SERVED' }]);
      expect(stderr).toContain(`127.0.0.1:${port} does not serve the new certificate`);
      expect(stderr).toContain(fingerprintIn(pki.leaf));
      expect(stderr).toMatch(/hint: .*Secret\/ingress-nginx\/default-ssl-certificate.*--default-ssl-certificate/);
      expect([states(folder), storedPair(folder)]).toEqual([['v1 trusted', 'v2 active'], pairFor(next, intermediate)]);
    });

    it('with --rollback-on-failure: the certificate before stands in the Secret again', async () => {
      const folder = copyOf(first);
      const [port = 0] = (await serve([folder])).ports;
      const { code, stderr } = await probing(folder, port, '--probe-timeout', '1s', '--rollback-on-failure').outcome;
      expect([code, stderr]).toEqual([1, expect.stringContaining('the certificate before it was put back')]);
      expect([states(folder), storedPair(folder)]).toEqual([
        ['v1 active', 'v2 trusted'],
        pairFor(pki.leaf, intermediate),
      ]);
      const { code: after, stdout } = await warm.run(['init', '--dir', folder]);
      expect([after, stdout]).toEqual([0, expect.stringContaining('Nothing to do')]);
    });

    it('where nobody listens: exit code 1 says so', async () => {
      const { code, stderr } = await probing(copyOf(first), await freePort(), '--probe-timeout', '1s').outcome;
      expect([code, stderr]).toEqual([1, expect.stringContaining('ECONNREFUSED')]);
    });

    it.each([
      [['--probe', 'nowhere']],
      [['--rollback-on-failure']],
      [['--probe', '127.0.0.1:443', '--verify-only']],
      [['--probe', '127.0.0.1:443', '--probe-timeout', 'soon']],
    ])('%j is wrong usage', async (flags) => {
      const before = fingerprintOf(first, { times: true });
      const outcome = await warm.run(['import-cert', '--dir', first, '--fqdn', FQDN, ...pki.flags(next), ...flags]);
      expect([outcome.code, fingerprintOf(first, { times: true })], outcome.stderr).toEqual([2, before]);
    });
  });
});
