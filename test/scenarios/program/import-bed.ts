/** What the tests of `import-cert` share: a PKI made by openssl, and what one run of the program said. */
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  type KeyName,
  type Made,
  makeIntermediate,
  makeLeaf,
  makeRoot,
  serverExtensions,
} from '../../support/openssl-pki.ts';
import { newFolder, type Outcome } from '../../support/program.ts';
import { codesOf, type Finding, readObject, SMALL, type SpecParts } from './store.ts';

export const FQDN = 'palette.example.org';
export const INGRESS = 'Secret/ingress-nginx/default-ssl-certificate';
/** What most certificates of the tests cover, and all that is warned of otherwise. */
export const SAN = `DNS:${FQDN},DNS:*.${FQDN}`;
export const WITH_DOMAIN: SpecParts = { ...SMALL, rootDomain: FQDN };

export interface ImportResult {
  readonly kind: string;
  readonly accepted: boolean;
  readonly stored: boolean;
  readonly object?: string;
  readonly leaf?: { readonly fingerprint: string; readonly sans: readonly string[] };
  readonly chain?: readonly { readonly fingerprint: string }[];
  readonly repairs: readonly { readonly code: string; readonly message: string }[];
  readonly findings: readonly Finding[];
}

/** A root, an intermediate and a leaf, in files of a folder. */
export class Pki {
  readonly folder = newFolder();
  readonly root = makeRoot();
  readonly intermediate = makeIntermediate(this.root);
  readonly leaf = this.server();
  readonly ca = this.write('root.pem', this.root.pem);
  readonly chain = this.write('chain.pem', this.leaf.pem + this.intermediate.pem);
  readonly key = this.write('leaf.key', pkcs8(this.leaf));
  #files = 0;

  /** A leaf of the intermediate, unless the wish is for another issuer. */
  server(wish: Parameters<typeof makeLeaf>[1] & { readonly san?: string; readonly lines?: readonly string[] } = {}) {
    const { san = SAN, lines = [], ...rest } = wish;
    return makeLeaf(this.intermediate, { extensions: serverExtensions(san, ...lines), ...rest });
  }

  write(name: string, content: string | Uint8Array): string {
    const file = path.join(this.folder, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  }

  /** A file of any name. */
  file(content: string | Uint8Array): string {
    this.#files += 1;
    return this.write(`input-${this.#files}`, content);
  }

  /** What a PKI team makes of a request, for these names: the file of the certificate alone. */
  answer(request: string, names = SAN): string {
    const [csr, extensions] = [this.file(request), this.file(`${serverExtensions(names).join('\n')}\n`)];
    const signer = ['-CA', this.intermediate.file, '-CAkey', this.file(pkcs8(this.intermediate)), '-CAcreateserial'];
    const file = `${csr}.pem`;
    const args = ['x509', '-req', '-in', csr, ...signer, '-extfile', extensions, '-days', '90', '-out', file];
    execFileSync('openssl', args, { stdio: 'ignore' });
    return file;
  }

  /** Flags that import a leaf with the chain's intermediate. */
  flags(leaf: Made = this.leaf, more: readonly Made[] = [this.intermediate]): readonly string[] {
    const chain = [leaf, ...more].map(({ pem }) => pem).join('');
    return ['--cert', this.file(chain), '--key', this.file(pkcs8(leaf)), '--ca', this.ca];
  }
}

export function pkcs8({ key }: Pick<Made, 'key'>): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A key of another pair, for what does not fit. */
export const OTHER_KEY: KeyName = 'p256-9';

/** The one document that the run wrote to stdout. */
export function documentOf({ stdout }: Pick<Outcome, 'stdout'>): ImportResult {
  return JSON.parse(stdout) as ImportResult;
}

/** Codes of the errors, without repetition. */
export function errorsIn({ findings }: ImportResult): readonly string[] {
  return codesOf({ findings: findings.filter(({ severity }) => severity === 'error') });
}

export function warningsIn({ findings }: ImportResult): readonly string[] {
  return codesOf({ findings: findings.filter(({ severity }) => severity === 'warning') });
}

export function repairsIn({ repairs }: ImportResult): readonly string[] {
  return [...new Set(repairs.map(({ code }) => code))].sort();
}

/** What stands in the ingress Secret: the chain's fingerprints, and whether the key is the first one's. */
export function storedPair(folder: string, ref = INGRESS) {
  const { data } = readObject(folder, ref);
  const text = data['tls.crt']?.toString('latin1') ?? '';
  const chain = [...text.matchAll(/-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n/g)].map(
    ([pem]) => new X509Certificate(pem),
  );
  return {
    text,
    chain: chain.map(({ raw }) => raw.toString('base64')),
    fits: chain[0]?.checkPrivateKey(createPrivateKey(data['tls.key'] ?? '')) === true,
  };
}

/** As the program writes it. */
export function fingerprintIn({ x509 }: Pick<Made, 'x509'>): string {
  return `SHA256:${x509.fingerprint256.replaceAll(':', '').toLowerCase()}`;
}

/** What belongs into the Secret for these certificates. */
export function pairFor(...chain: readonly Made[]) {
  return {
    text: chain.map(({ pem }) => pem).join(''),
    chain: chain.map(({ x509 }) => x509.raw.toString('base64')),
    fits: true,
  };
}
