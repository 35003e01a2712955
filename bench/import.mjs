// What a check of a usual certificate costs, as a whole process, beside what openssl and an empty Node.js take together.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { pairedRatio, report } from './measure.mjs';

const program = fileURLToPath(new URL('../bin/palette-keys.js', import.meta.url));
const { execPath: node } = process;
const FQDN = 'palette.example.org';

export function run(rounds) {
  const folder = mkdtempSync(path.join(tmpdir(), 'palette-keys-bench-'));
  try {
    const files = makeChain(folder);
    const { ours, theirs, ratio } = pairedRatio(
      [[node, program, 'import-cert', '--verify-only', '-q', '--fqdn', FQDN, ...files.ours]],
      [
        ['openssl', 'verify', '-verify_hostname', FQDN, ...files.theirs],
        [node, '-e', '0'],
      ],
      rounds,
    );
    console.log(`\nmedians of ${rounds} pairs${' '.repeat(20)}ours   theirs  ratio   limit`);
    return report('import-cert --verify-only / openssl', ours, theirs, 3, ratio);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** RSA-2048 throughout, as most PKIs have it: root, intermediate, leaf. */
function makeChain(folder) {
  const at = (name) => path.join(folder, name);
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'ignore' });
  const issue = (name, subject, extensions, ...signer) => {
    writeFileSync(at(`${name}.cnf`), extensions.join('\n'));
    openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', at(`${name}.key`));
    openssl('req', '-new', '-key', at(`${name}.key`), '-subj', subject, '-out', at(`${name}.csr`));
    const request = ['x509', '-req', '-in', at(`${name}.csr`), '-days', '180', '-extfile', at(`${name}.cnf`)];
    openssl(...request, ...signer, '-out', at(`${name}.pem`));
  };
  const by = (name) => ['-CA', at(`${name}.pem`), '-CAkey', at(`${name}.key`), '-CAcreateserial'];
  const ca = ['basicConstraints=critical,CA:true', 'keyUsage=critical,keyCertSign', 'subjectKeyIdentifier=hash'];
  const server = ['keyUsage=critical,digitalSignature', 'extendedKeyUsage=serverAuth', `subjectAltName=DNS:${FQDN}`];
  issue('root', '/CN=Root', ca, '-signkey', at('root.key'));
  issue('middle', '/CN=Issuing', ca, ...by('root'));
  issue('leaf', `/CN=${FQDN}`, server, ...by('middle'));
  return {
    ours: ['--cert', at('leaf.pem'), '--chain', at('middle.pem'), '--key', at('leaf.key'), '--ca', at('root.pem')],
    theirs: ['-CAfile', at('root.pem'), '-untrusted', at('middle.pem'), at('leaf.pem')],
  };
}
