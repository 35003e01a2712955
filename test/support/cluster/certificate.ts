import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A server certificate for 127.0.0.1 and localhost, and the CA that signed it. */
export interface ServerCertificate {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

/** The extensions are spelled out: the defaults differ from system to system. */
const CONFIG = `
[req]
distinguished_name = subject
prompt = no
[subject]
CN = palette-keys-test
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, DNS:localhost
`;

const NEW = ['req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-config', 'config'];

/** Valid for a hundred years, so that a test may move the clock of the program under test as far ahead as it likes. */
const DAYS = ['-days', '36500'];

/** Made with the openssl program (3.0 or later), not with the code under test. */
export async function makeServerCertificate(): Promise<ServerCertificate> {
  const folder = await mkdtemp(join(tmpdir(), 'palette-keys-certificate-'));
  try {
    await writeFile(join(folder, 'config'), CONFIG);
    const openssl = (...args: string[]) => promisify(execFile)('openssl', [...NEW, ...DAYS, ...args], { cwd: folder });
    const ca = ['-subj', '/CN=palette-keys-test-ca', '-extensions', 'ca', '-keyout', 'ca.key', '-out', 'ca.crt'];
    await openssl(...ca);
    const signer = ['-CA', 'ca.crt', '-CAkey', 'ca.key'];
    await openssl(...signer, '-extensions', 'server', '-keyout', 'server.key', '-out', 'server.crt');
    const read = (file: string) => readFile(join(folder, file), 'utf8');
    return { caPem: await read('ca.crt'), certPem: await read('server.crt'), keyPem: await read('server.key') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
