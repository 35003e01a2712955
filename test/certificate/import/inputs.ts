import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { InputFile } from '../../../src/certificate/import/types.ts';

export const PASSPHRASE = 'secret';
const LEGACY = ['-provider', 'legacy', '-provider', 'default'];

/** Certificates, keys and containers as openssl makes them, in a folder of their own. */
export class Inputs {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'palette-keys-import-'));

  /** Runs a program in the folder, and says so where it fails. */
  run(program: string, ...args: readonly string[]): string {
    return execFileSync(program, args, { cwd: this.folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  openssl(line: string, ...more: readonly string[]): string {
    return this.run('openssl', ...line.split(' '), ...more);
  }

  /** A CA, and for each of RSA, P-256 and Ed25519 a leaf that it issued: `<kind>.pem` and `<kind>.key`. */
  makePairs(): this {
    this.openssl('req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 3650');
    this.openssl('genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out rsa.key');
    this.openssl('genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out ec.key');
    this.openssl('genpkey -algorithm ed25519 -out ed.key');
    for (const kind of KINDS) {
      this.openssl(`req -new -key ${kind}.key -out ${kind}.csr -subj /CN=${kind}`);
      this.openssl(`x509 -req -in ${kind}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 300 -out ${kind}.pem`);
    }
    return this;
  }

  /** `openssl pkcs12 -export` of a pair and its CA. */
  pkcs12(name: string, kind: string, options = '', passphrase = PASSPHRASE): InputFile {
    const flags = options === '' ? [] : options.split(' ');
    const from = ['-inkey', `${kind}.key`, '-in', `${kind}.pem`, '-certfile', 'ca.pem'];
    this.run('openssl', 'pkcs12', '-export', ...flags, ...from, '-passout', `pass:${passphrase}`, '-out', name);
    return this.file(name);
  }

  /** A key, encrypted as PKCS#8. */
  pkcs8(name: string, kind: string, options = ''): InputFile {
    const flags = options === '' ? [] : options.split(' ');
    const rest = ['-in', `${kind}.key`, '-passout', `pass:${PASSPHRASE}`, '-out', name];
    this.run('openssl', 'pkcs8', '-topk8', ...LEGACY, ...flags, ...rest);
    return this.file(name);
  }

  text(name: string): string {
    return this.bytes(name).toString('utf8');
  }

  bytes(name: string): Buffer {
    return readFileSync(path.join(this.folder, name));
  }

  file(name: string): InputFile {
    return { name, bytes: this.bytes(name) };
  }

  write(name: string, bytes: Uint8Array | string): void {
    writeFileSync(path.join(this.folder, name), bytes);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

export const KINDS = ['rsa', 'ec', 'ed'] as const;
