import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  X509Certificate,
} from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import { createLocalJWKSet, exportJWK, importJWK, importPKCS8, jwtVerify, SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { entryOf, install, LEDGER, PLATFORM, readObject, readRecord } from './store.ts';
import { freePort, haveTools, server, tool, unpack } from './tools.ts';

const DAY = 86_400_000;
const within = (namespace: string, service: string) => [
  service,
  `${service}.${namespace}`,
  `${service}.${namespace}.svc`,
  `${service}.${namespace}.svc.example.internal`,
];

const SPEC = {
  clusterDomain: 'example.internal',
  serviceCertificates: {
    services: [
      { name: 'auth', dnsNames: ['auth.example.org', '*.wild.example.org'], ipAddresses: ['10.1.2.3', '2001:db8::7'] },
      { name: 'ui', namespace: 'ui-system' },
    ],
  },
  grpc: { service: 'grpc', dnsNames: ['grpc.example.org'] },
  messageBus: { service: 'nats', dnsNames: ['nats.example.org'] },
};

const AUTH = `Secret/${PLATFORM}/palette-auth-tls`;
const UI = 'Secret/ui-system/palette-ui-tls';
const GRPC = `Secret/${PLATFORM}/palette-grpc-tls`;
const BUS = `Secret/${PLATFORM}/palette-message-bus-tls`;
const MONGO = `Secret/${PLATFORM}/palette-mongodb-tls`;

/** Every leaf with the names that it must be good for. */
const LEAVES: Readonly<Record<string, { readonly dns: readonly string[]; readonly ip: readonly string[] }>> = {
  [AUTH]: {
    dns: [...within(PLATFORM, 'auth'), 'auth.example.org', '*.wild.example.org'],
    ip: ['10.1.2.3', '2001:db8::7'],
  },
  [UI]: { dns: within('ui-system', 'ui'), ip: [] },
  [GRPC]: { dns: [...within(PLATFORM, 'grpc'), 'grpc.example.org'], ip: [] },
  [BUS]: { dns: [...within(PLATFORM, 'nats'), 'nats.example.org'], ip: [] },
  [MONGO]: {
    dns: [
      ...within(PLATFORM, 'mongo'),
      'localhost',
      ...[0, 1, 2].flatMap((i) => within(PLATFORM, 'mongo').map((name) => `mongo-${i}.${name}`)),
    ],
    ip: ['127.0.0.1'],
  },
};
const leaves = Object.entries(LEAVES);

let store = '';
let begun = 0;

beforeAll(async () => {
  begun = Date.now();
  store = await install(SPEC);
});

const concrete = (name: string) => name.replace('*', 'any');

describe.skipIf(!haveTools('openssl'))('OpenSSL', () => {
  const verify = (folder: string, ...args: string[]) =>
    tool('openssl', ['verify', '-x509_strict', '-CAfile', 'ca.crt', ...args, 'tls.crt'], { cwd: folder });

  it.each(leaves)('accepts %s for every name, as server and as client', (ref, { dns, ip }) => {
    const folder = unpack(store, ref);
    for (const purpose of ['sslserver', 'sslclient']) {
      expect(verify(folder, '-purpose', purpose), purpose).toMatchObject({ code: 0, output: 'tls.crt: OK\n' });
    }
    for (const name of dns)
      expect(verify(folder, '-purpose', 'sslserver', '-verify_hostname', concrete(name)), name).toMatchObject({
        code: 0,
      });
    for (const address of ip) expect(verify(folder, '-verify_ip', address), address).toMatchObject({ code: 0 });
  });

  it.each(leaves)('accepts %s for no other name, and not from the other CA', (ref) => {
    const folder = unpack(store, ref);
    expect(verify(folder, '-verify_hostname', 'other.example.org').output).toContain('hostname mismatch');
    expect(verify(folder, '-verify_ip', '10.9.9.9').output).toContain('IP address mismatch');
    writeFileSync(path.join(folder, 'ca.crt'), entryOf(store, GRPC, 'client-ca.crt'));
    expect(verify(folder).code).not.toBe(0);
  });

  it.each(leaves)('reads in %s what the contract asks for', (ref, { dns, ip }) => {
    const text = textOf(unpack(store, ref), 'tls.crt');
    const ca = textOf(unpack(store, ref), 'ca.crt');
    expect(text).toContain('Version: 3 (0x2)');
    expect(text.match(/Signature Algorithm: sha256WithRSAEncryption/g)).toHaveLength(2);
    expect(text).toContain('Public-Key: (2048 bit)');
    expect(text).toContain('Exponent: 65537');
    expect(text).toMatch(/X509v3 Basic Constraints: critical\n\s+CA:FALSE\n/);
    expect(text).toMatch(/X509v3 Key Usage: critical\n\s+Digital Signature, Key Encipherment\n/);
    expect(text).toMatch(
      /X509v3 Extended Key Usage: ?\n\s+TLS Web Server Authentication, TLS Web Client Authentication\n/,
    );
    expect(keyId(text, 'Authority')).toBe(keyId(ca, 'Subject'));
    expect(keyId(text, 'Subject')).not.toBe(keyId(ca, 'Subject'));
    expect(extensionsOf(text)).toEqual([
      'Authority Key Identifier',
      'Basic Constraints',
      'Extended Key Usage',
      'Key Usage',
      'Subject Alternative Name',
      'Subject Key Identifier',
    ]);
    const names = /Subject Alternative Name: ?\n\s+(.*)\n/
      .exec(text)?.[1]
      ?.split(', ')
      .map((name) => name.replace(/^(DNS|IP Address):/, ''));
    expect(names?.sort()).toEqual(
      [...dns, ...ip.map((address) => address.replace('2001:db8::7', '2001:DB8:0:0:0:0:0:7'))].sort(),
    );
  });

  it.each(['internal-ca', 'cluster-ca'])('reads in the CA %s what the contract asks for', (kind) => {
    const folder = unpack(store, `Secret/${LEDGER}/palette-key-${kind}-v1`);
    const text = textOf(folder, 'tls.crt');
    expect(text).toMatch(/X509v3 Basic Constraints: critical\n\s+CA:TRUE, pathlen:0\n/);
    expect(text).toMatch(/X509v3 Key Usage: critical\n\s+Certificate Sign, CRL Sign\n/);
    expect(text).toContain('Public-Key: (3072 bit)');
    expect(extensionsOf(text)).toEqual(
      expect.arrayContaining(['Basic Constraints', 'Key Usage', 'Subject Key Identifier']),
    );
    expect(tool('openssl', ['verify', '-x509_strict', '-CAfile', 'tls.crt', 'tls.crt'], { cwd: folder })).toMatchObject(
      { code: 0 },
    );
  });

  it('meets its own client over mutual TLS, and no client without a certificate', async () => {
    const [serving, calling] = [unpack(store, AUTH), unpack(store, UI)];
    const port = await freePort();
    const flags = [
      '-accept',
      `127.0.0.1:${port}`,
      '-cert',
      'tls.crt',
      '-key',
      'tls.key',
      '-CAfile',
      'ca.crt',
      '-Verify',
      '1',
      '-verify_return_error',
    ];
    await server('openssl', ['s_server', ...flags], /ACCEPT/, serving);
    const call = (...args: string[]) =>
      tool(
        'openssl',
        [
          's_client',
          '-connect',
          `127.0.0.1:${port}`,
          '-servername',
          'auth',
          '-verify_hostname',
          'auth',
          '-CAfile',
          'ca.crt',
          '-verify_return_error',
          '-tls1_2',
          ...args,
        ],
        { cwd: calling, input: 'Q\n' },
      );
    expect(call('-cert', 'tls.crt', '-key', 'tls.key')).toMatchObject({
      code: 0,
      output: expect.stringContaining('Verify return code: 0 (ok)'),
    });
    expect(call().code).not.toBe(0);
  });
});

function textOf(folder: string, file: string): string {
  return tool('openssl', ['x509', '-in', file, '-noout', '-text'], { cwd: folder }).output;
}

function keyId(text: string, whose: string): string | undefined {
  return new RegExp(`X509v3 ${whose} Key Identifier: ?\\n\\s+(?:keyid:)?([0-9A-F:]+)\\n`).exec(text)?.[1];
}

function extensionsOf(text: string): readonly string[] {
  return [...text.matchAll(/X509v3 ([A-Za-z ]+):/g)]
    .map(([, name]) => name ?? '')
    .filter((name) => name !== 'extensions')
    .sort();
}

describe.skipIf(!haveTools('certtool', 'gnutls-serv', 'gnutls-cli'))('GnuTLS', () => {
  it.each(leaves)('accepts %s for every DNS name', (ref, { dns }) => {
    const folder = unpack(store, ref);
    const verify = (name: string) =>
      tool(
        'certtool',
        ['--verify', '--load-ca-certificate', 'ca.crt', '--verify-hostname', name, '--infile', 'tls.crt'],
        { cwd: folder },
      );
    for (const name of dns)
      expect(verify(concrete(name)), name).toMatchObject({
        code: 0,
        output: expect.stringContaining('Verified. The certificate is trusted.'),
      });
    expect(verify('other.example.org').code).not.toBe(0);
  });

  it('meets its own client over mutual TLS, and no client without a certificate', async () => {
    const [serving, calling] = [unpack(store, GRPC), unpack(store, AUTH)];
    const port = await freePort();
    const keys = ['--x509certfile', 'tls.crt', '--x509keyfile', 'tls.key', '--x509cafile', 'ca.crt'];
    await server(
      'gnutls-serv',
      ['--port', String(port), ...keys, '--require-client-cert', '--verify-client-cert', '--echo'],
      /listening on|ready\. Listening/i,
      serving,
    );
    const call = (flags: readonly string[]) =>
      tool(
        'gnutls-cli',
        [
          '--port',
          String(port),
          '--verify-hostname',
          'grpc',
          '--sni-hostname',
          'grpc',
          '--priority',
          'NORMAL:-VERS-TLS1.3',
          ...flags,
          '127.0.0.1',
        ],
        { cwd: calling, input: 'hello\n' },
      );
    expect(call(keys)).toMatchObject({ code: 0, output: expect.stringContaining('Handshake was completed') });
    expect(call(['--x509cafile', 'ca.crt']).code).not.toBe(0);
  });
});

describe('dates and numbers', () => {
  const certificate = (ref: string) => new X509Certificate(readObject(store, ref).data['tls.crt'] ?? '');
  const authorities = ['internal-ca', 'cluster-ca'].map((kind) => `Secret/${LEDGER}/palette-key-${kind}-v1`);

  it.each([...Object.keys(LEAVES), ...authorities])('%s begins five minutes back', (ref) => {
    const from = certificate(ref).validFromDate.getTime();
    expect(from).toBeGreaterThanOrEqual(Math.floor(begun / 1000) * 1000 - 300_000);
    expect(from).toBeLessThanOrEqual(Date.now() - 300_000);
  });

  it('leaves live a year and CAs ten, from now on', () => {
    for (const ref of Object.keys(LEAVES)) expect(lifeInDays(certificate(ref)), ref).toBeCloseTo(365, 1);
    for (const ref of authorities) expect(lifeInDays(certificate(ref)), ref).toBeCloseTo(3650, 1);
  });

  it('serial numbers are positive, random and fit into 20 bytes', () => {
    const serials = [...Object.keys(LEAVES), ...authorities].map((ref) => certificate(ref).serialNumber);
    expect(new Set(serials).size).toBe(serials.length);
    for (const serial of serials) {
      expect(serial).toMatch(/^[0-7][0-9A-F]{17,38}[0-9A-F]$/);
    }
  });

  it('CAs have a subject of their own, which names the installation', () => {
    const [first, second] = authorities.map((ref) => certificate(ref).subject);
    expect(first).not.toBe(second);
    expect(first).toContain(readRecord(store).installationId);
    expect(first).toMatch(/v1/);
  });
});

function lifeInDays({ validFromDate, validToDate }: X509Certificate): number {
  return (validToDate.getTime() - validFromDate.getTime()) / DAY;
}

describe.skipIf(!haveTools('nats-server'))('nats-server', () => {
  const AUTH_SECRET = `Secret/${PLATFORM}/palette-message-bus-auth`;

  it('starts with nats.conf alone', async () => {
    const folder = unpack(store, AUTH_SECRET);
    const running = await server(
      'nats-server',
      ['-c', 'nats.conf', '-a', '127.0.0.1', '-p', String(await freePort())],
      /Server is ready/,
      folder,
    );
    expect(running.said()).toContain('Trusted Operators');
  });

  it('includes it beside listen and tls, and takes a user of the system account in over TLS', async () => {
    const folder = unpack(store, BUS);
    writeFileSync(path.join(folder, 'nats.conf'), entryOf(store, AUTH_SECRET, 'nats.conf'));
    const port = await freePort();
    writeFileSync(
      path.join(folder, 'server.conf'),
      `listen: "127.0.0.1:${port}"\ntls { cert_file: tls.crt, key_file: tls.key, ca_file: ca.crt, verify: true }\ninclude nats.conf\n`,
    );
    await server('nats-server', ['-c', 'server.conf'], /Server is ready/, folder);
    expect(await greet(port, undefined)).toMatch(/Authorization Violation/);
    expect(await greet(port, accountKey())).toMatch(/PONG/);
    expect(await greet(port, generateKeyPairSync('ed25519').privateKey)).toMatch(/Authorization Violation/);
  });

  const accountKey = () =>
    createPrivateKey(entryOf(store, `Secret/${LEDGER}/palette-key-message-bus-system-account-v1`, 'key.pem'));

  /** Reads INFO, goes over to TLS with a client certificate, and logs a new user in that `account` signs. */
  async function greet(port: number, account: KeyObject | undefined): Promise<string> {
    const plain = connect(port, '127.0.0.1');
    const info = JSON.parse((await answer(plain, /^INFO .*\r\n/)).slice(5)) as { nonce: string; tls_required: boolean };
    expect(info.tls_required).toBe(true);
    const { data } = readObject(store, AUTH);
    const secure = connectTls({
      socket: plain,
      servername: 'nats',
      ca: data['ca.crt'],
      cert: data['tls.crt'],
      key: data['tls.key'],
    });
    await new Promise((resolve, reject) => secure.once('secureConnect', resolve).once('error', reject));
    secure.write(`CONNECT ${JSON.stringify({ verbose: false, ...credentials(account, info.nonce) })}\r\nPING\r\n`);
    const said = await answer(secure, /PONG|-ERR/);
    secure.destroy();
    return said;
  }
});

function answer(socket: Socket, until: RegExp): Promise<string> {
  let said = '';
  return new Promise((resolve, reject) => {
    const listen = (chunk: Buffer): void => {
      said += chunk.toString();
      if (!until.test(said)) return;
      socket.off('data', listen);
      resolve(said);
    };
    socket
      .on('data', listen)
      .once('error', reject)
      .setTimeout(10_000, () => reject(new Error(`no answer: ${said}`)));
  });
}

/** A user's JWT and its signature of the nonce, as nsc and a client library make them. */
function credentials(account: KeyObject | undefined, nonce: string): object {
  if (account === undefined) return {};
  const user = generateKeyPairSync('ed25519').privateKey;
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const nats = { type: 'user', version: 2, subs: -1, data: -1, payload: -1, pub: {}, sub: {} };
  const claims = {
    jti: 'test',
    iat: Math.floor(Date.now() / 1000),
    iss: nkey(0, account),
    name: 'test',
    sub: nkey(20, user),
    nats,
  };
  const signed = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode(claims)}`;
  return {
    jwt: `${signed}.${sign(null, Buffer.from(signed), account).toString('base64url')}`,
    sig: sign(null, Buffer.from(nonce), user).toString('base64url'),
  };
}

/** A public nkey: prefix, 32 bytes, CRC-16/XMODEM, in base32. */
function nkey(prefix: number, key: KeyObject): string {
  const raw = createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-32);
  const body = Buffer.concat([Buffer.of(prefix << 3), raw]);
  let crc = 0;
  for (const byte of body) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  const bits = [...body, crc & 255, crc >> 8].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? [])
    .map((five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(five.padEnd(5, '0'), 2)])
    .join('');
}

/** Another private key of the same type as a public JWK's. */
function otherKeyLike({ kty, crv }: { readonly kty: string; readonly crv?: string }): KeyObject {
  if (kty === 'RSA') return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  if (kty === 'EC') return generateKeyPairSync('ec', { namedCurve: crv ?? '' }).privateKey;
  return generateKeyPairSync('ed25519').privateKey;
}

describe.concurrent('jose', () => {
  const SECRET = `Secret/${PLATFORM}/palette-jwt-signing-key`;
  const token = (alg: string, kid: string) =>
    new SignJWT({ tenant: 't' }).setProtectedHeader({ alg, kid }).setSubject('s').setExpirationTime('1m');
  const make = (algorithm: string) =>
    install({
      jwt: { algorithm },
      internalCA: { keySize: 2048 },
      clusterCA: { keySize: 2048 },
      serviceCertificates: { services: [] },
    });

  it.each(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])(
    'verifies a token signed with %s through jwks.json, and none by another key',
    async (alg) => {
      const folder = await make(alg);
      const kid = entryOf(folder, SECRET, 'kid');
      expect(entryOf(folder, SECRET, 'alg')).toBe(alg);
      const set = JSON.parse(entryOf(folder, `ConfigMap/${PLATFORM}/palette-jwks`, 'jwks.json'));
      const keys = createLocalJWKSet(set);
      const signingKey = await importPKCS8(entryOf(folder, SECRET, 'signing-key.pem'), alg);
      const { payload, protectedHeader } = await jwtVerify(await token(alg, kid).sign(signingKey), keys);
      expect(payload).toMatchObject({ sub: 's', tenant: 't' });
      expect(protectedHeader.kid).toBe(kid);

      const [jwk] = set.keys;
      const privateKey = otherKeyLike(jwk);
      await expect(
        token(alg, kid)
          .sign(privateKey)
          .then((jwt) => jwtVerify(jwt, keys)),
      ).rejects.toThrow('signature verification failed');
      await expect(
        token(alg, 'unknown')
          .sign(privateKey)
          .then((jwt) => jwtVerify(jwt, keys)),
      ).rejects.toThrow('no applicable key');
      // The public key as the secret of an HMAC: the classic mistake of verifiers, which `alg` in the set rules out.
      const confused = await token('HS256', kid).sign(Buffer.from(JSON.stringify(jwk)));
      await expect(jwtVerify(confused, keys)).rejects.toThrow();
      expect(Object.keys(await exportJWK(await importJWK(jwk)))).not.toContain('d');
    },
  );

  it.each([
    ['HS256', 32],
    ['HS512', 64],
  ])('verifies a token signed with %s through the keyring, and none by another key', async (alg, length) => {
    const folder = await make(alg);
    const { data } = readObject(folder, SECRET);
    const kid = data['kid']?.toString() ?? '';
    const { active, keys } = JSON.parse(data['keyring.json']?.toString() ?? '');
    const jwk = keys.find((key: { kid: string }) => key.kid === active);
    expect(active).toBe(kid);
    expect(jwk.alg).toBe(alg);
    expect(data['key']).toHaveLength(length);
    const verifier = await importJWK(jwk, alg);
    const { payload } = await jwtVerify(await token(alg, kid).sign(data['key'] ?? Buffer.alloc(0)), verifier, {
      algorithms: [alg],
    });
    expect(payload.sub).toBe('s');
    const other = await token(alg, kid).sign(Buffer.alloc(length, 1));
    await expect(jwtVerify(other, verifier)).rejects.toThrow('signature verification failed');
  });
});
