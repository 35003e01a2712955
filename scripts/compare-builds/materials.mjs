// What the scenarios are given: specs, certificates of another CA, and keys that open a backup. Both builds get the same.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { other as x509 } from '../../test/certificate/other-x509.ts';

/** Installations of the first release, and the keys to their backups: see the README there. */
export const RELEASED = fileURLToPath(new URL('../../test/fixtures/installations/0.1.0', import.meta.url));
const FQDN = 'palette.example.org';
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 86_400_000;

/** One service in each of two namespaces, and small CAs: quick to make. */
const SMALL = {
  rootDomain: FQDN,
  internalCA: { keySize: 2048 },
  clusterCA: { keySize: 2048 },
  serviceCertificates: { services: [{ name: 'auth' }, { name: 'ui', namespace: 'ui-system' }] },
  mongodb: { members: 1 },
  messageBus: {},
};
const CHANGED_SERVICES = [{ name: 'auth', dnsNames: ['auth.example.org'] }, { name: 'event' }];
const SINGLE_READER = {
  workload: 'Deployment/hubble-system/auth',
  object: 'palette-root-key',
  reads: 'single',
  reload: 'restart',
};

const SPECS = {
  small: SMALL,
  changed: { ...SMALL, jwt: { algorithm: 'EdDSA' }, serviceCertificates: { services: CHANGED_SERVICES } },
  plain: { ...SMALL, messageBus: null },
  nameless: { ...SMALL, rootDomain: null },
  secret: { ...SMALL, jwt: { algorithm: 'HS256', longestTokenLife: '1h' } },
  consumed: { ...SMALL, consumers: [SINGLE_READER] },
  counted: { ...SMALL, hashSalt: { census: { collection: 'users', kidField: 'login.saltKid' } } },
  database: { ...SMALL, mongodb: { members: 1, uri: 'mongodb://127.0.0.1:1/hubbledb' } },
  renamed: { ...SMALL, namePrefix: 'other-' },
  moved: { ...SMALL, namespace: 'other-system' },
  apart: { ...SMALL, ledgerNamespace: 'other-keys' },
};

const WRONG = `apiVersion: palette-keys/v1
kind: Installation
namspace: x
jwt: { algorithm: ES265, longestTokenLife: soon }
internalCA: { keySize: 1024 }
serviceCertificates: { services: [{ name: auth }, { name: auth }] }
`;

/** Makes the files, and returns `{ folder, recipient, answer }`; `answer` signs a certificate request. */
export async function makeMaterials(folder, start) {
  mkdirSync(folder, { mode: 0o700 });
  const write = (name, text) => writeFileSync(path.join(folder, name), text, { mode: 0o600 });
  for (const [name, parts] of Object.entries(SPECS)) write(`${name}.yaml`, specText(parts));
  write('wrong.yaml', WRONG);
  write('broken.yaml', 'apiVersion: [palette-keys/v1\n');
  write('uri.txt', 'mongodb://hubble:secret@127.0.0.1:1/hubbledb?tls=true\n');
  write('wrong-passphrase.txt', 'not this one\n');
  write('two-lines.txt', 'one\ntwo\n');
  for (const name of ['identity.txt', 'passphrase.txt', 'backup.age']) {
    copyFileSync(path.join(RELEASED, name), path.join(folder, name));
  }
  const recipient = /age1\w+/.exec(readFileSync(path.join(RELEASED, 'identity.txt'), 'utf8'))[0];
  write('recipients.txt', `# who may open it\n${recipient}\n`);
  return { folder, recipient, answer: await makeCertificates(write, folder, start) };
}

function specText(parts) {
  return `${JSON.stringify({ apiVersion: 'palette-keys/v1', kind: 'Installation', ...parts }, undefined, 2)}\n`;
}

async function makeCertificates(write, folder, start) {
  const root = await certify('Root CA', { start, isCa: true, days: 3650 });
  const issuing = await certify('Issuing CA', { start, issuer: root, isCa: true, days: 1000 });
  const leaf = await certify(FQDN, { start, issuer: issuing });
  const next = await certify(FQDN, { start, issuer: issuing, days: 120 });
  const expired = await certify(FQDN, { start, issuer: issuing, days: 20 });
  const elsewhere = await certify('other.example.org', { start, issuer: issuing });
  write('root.pem', root.pem);
  write('issuing.pem', issuing.pem);
  for (const [name, { pem, key }] of Object.entries({ leaf, next, expired, elsewhere })) {
    write(`${name}.pem`, `${pem}${issuing.pem}`);
    write(`${name}.key`, key);
  }
  write('alone.pem', leaf.pem);
  write(
    'messy.pem',
    `Issued to you\n${[issuing, root, leaf, leaf].map(({ pem }) => pem).join('')}`.replaceAll('\n', '\r\n'),
  );
  write('cut.pem', leaf.pem.slice(0, 300));
  const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  openssl(
    'pkcs12',
    '-export',
    '-in',
    'leaf.pem',
    '-inkey',
    'leaf.key',
    '-out',
    'leaf.pfx',
    '-passout',
    'file:passphrase.txt',
  );
  openssl('pkcs8', '-topk8', '-in', 'leaf.key', '-out', 'sealed.key', '-passout', 'file:passphrase.txt');
  return async (request) => {
    const { publicKey } = new x509.Pkcs10CertificateRequest(request);
    const answered = await certify(FQDN, { start, issuer: issuing, publicKey });
    return `${answered.pem}${issuing.pem}`;
  };
}

/** A certificate that has been valid for 30 days; without an issuer it signs itself. */
async function certify(name, { start, issuer, isCa = false, days = 90, publicKey }) {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const { KeyUsageFlags: may } = x509;
  const subjectKey = publicKey ?? keys.publicKey;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: `01${crypto.randomUUID().replaceAll('-', '')}`,
    subject: `CN=${name}`,
    issuer: `CN=${issuer?.name ?? name}`,
    notBefore: new Date(start - 30 * DAY),
    notAfter: new Date(start + (days - 30) * DAY),
    signingAlgorithm: ALGORITHM,
    publicKey: subjectKey,
    signingKey: issuer?.keys.privateKey ?? keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(isCa, undefined, true),
      new x509.KeyUsagesExtension(isCa ? may.keyCertSign | may.cRLSign : may.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(subjectKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer?.keys.publicKey ?? keys.publicKey),
      ...(isCa ? [] : [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth])]),
      ...(isCa ? [] : [new x509.SubjectAlternativeNameExtension(namesOf(name))]),
    ],
  });
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    ...{ name, keys },
    pem: `${certificate.toString('pem')}\n`,
    key: `-----BEGIN PRIVATE KEY-----\n${key.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`,
  };
}

function namesOf(name) {
  return [name, `*.${name}`].map((value) => ({ type: 'dns', value }));
}
