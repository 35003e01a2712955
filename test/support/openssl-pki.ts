/** Certificates of all kinds, made by the openssl program and not by our own code. Keys are made once a test file. */
import { execFileSync } from 'node:child_process';
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { newFolder } from './program.ts';

const GENPKEY = {
  p256: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  p384: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  p521: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'],
  secp256k1: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1'],
  explicit: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-pkeyopt', 'ec_param_enc:explicit'],
  compressed: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  ed25519: ['-algorithm', 'ED25519'],
  ed448: ['-algorithm', 'ED448'],
  rsa1024: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'],
  rsa2048: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  rsapss: ['-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048'],
  dsa: [],
} as const;

type KeyType = keyof typeof GENPKEY;

/** A key's type, and a number that tells keys of one type apart. */
export type KeyName = `${KeyType}-${number}`;

export interface Made {
  readonly x509: X509Certificate;
  readonly pem: string;
  readonly keyName: KeyName;
  readonly key: KeyObject;
  readonly file: string;
}

export interface RotationIntent {
  readonly subject: string;
  readonly keyName: KeyName;
  /** Itself, unless given. */
  readonly issuer?: Made;
  /** Lines of an extension section; without any the certificate is of version 1. */
  readonly extensions?: readonly string[];
  readonly days?: number;
  /** Instead of `days`: from when, until when. */
  readonly validity?: readonly [Date, Date];
  readonly serial?: string;
  /** Further arguments of `openssl x509`. */
  readonly options?: readonly string[];
}

let folder: string | undefined;
let count = 0;

const inFolder = (name: string): string => {
  folder ??= newFolder();
  return path.join(folder, name);
};

const openssl = (...args: readonly string[]): void => {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
};

function keyFile(name: KeyName): string {
  const file = inFolder(`${name}.key`);
  if (existsSync(file)) return file;
  const type = name.replace(/-\d+$/, '') as KeyType;
  if (type === 'dsa') openssl('dsaparam', '-genkey', '-noout', '-out', file, '1024');
  else openssl('genpkey', ...GENPKEY[type], '-out', file);
  const form = type === 'compressed' ? ['-ec_conv_form', 'compressed'] : [];
  openssl('pkey', '-in', file, '-pubout', ...form, '-out', inFolder(`${name}.pub`));
  return file;
}

export function privateKey(name: KeyName): KeyObject {
  return createPrivateKey(readFileSync(keyFile(name)));
}

/** The serial number is random unless it is given. */
export function make(wish: RotationIntent): Made {
  const { subject, keyName, issuer, extensions = [], days = 90, serial, options = [] } = wish;
  count += 1;
  const file = inFolder(`${count}.pem`);
  const key = keyFile(keyName);
  const extfile = inFolder(`${count}.cnf`);
  writeFileSync(extfile, `${extensions.join('\n')}\n`);
  if (wish.validity === undefined) {
    openssl(
      ...['x509', '-new', '-subj', subject, '-days', String(days), '-out', file],
      ...(extensions.length > 0 ? ['-extfile', extfile] : []),
      ...(serial === undefined ? [] : ['-set_serial', serial]),
      ...(issuer === undefined
        ? ['-key', key]
        : ['-force_pubkey', inFolder(`${keyName}.pub`), '-CA', issuer.file, '-CAkey', keyFile(issuer.keyName)]),
      ...options,
    );
  } else {
    sign(wish, extfile, file);
  }
  const pem = readFileSync(file, 'latin1');
  return { x509: new X509Certificate(pem), pem, keyName, key: privateKey(keyName), file };
}

/** `openssl x509` knows no first day before version 3.4, `openssl ca` does. */
function sign({ subject, issuer, validity, keyName }: RotationIntent, extfile: string, file: string): void {
  const [from, to] = (validity ?? []).map((date) => date.toISOString().replace(/[-:T]|\.\d+/g, ''));
  if (from === undefined || to === undefined) throw new Error('dates are needed');
  const [csr, config, database] = ['csr', 'ca.cnf', 'db'].map((name) => `${file}.${name}`) as [string, string, string];
  writeFileSync(database, '');
  writeFileSync(
    config,
    `[ca]\ndefault_ca=it\n[it]\ndatabase=${database}\nnew_certs_dir=${path.dirname(file)}\npolicy=any\nrand_serial=yes\n[any]\n`,
  );
  openssl('req', '-new', '-key', keyFile(keyName), '-subj', subject, '-out', csr);
  openssl(
    ...['ca', '-batch', '-notext', '-config', config, '-in', csr, '-out', file, '-md', 'sha256'],
    ...(issuer === undefined
      ? ['-selfsign', '-keyfile', keyFile(keyName)]
      : ['-cert', issuer.file, '-keyfile', keyFile(issuer.keyName)]),
    ...['-preserveDN', '-extfile', extfile, '-startdate', from, '-enddate', to],
  );
}

const IDENTIFIERS = ['subjectKeyIdentifier=hash', 'authorityKeyIdentifier=keyid'];

/** Lines of a proper CA, and others; each of `replaced` takes the place of the line that sets the same. */
export function caExtensions(...replaced: readonly string[]): readonly string[] {
  return replacing(
    ['basicConstraints=critical,CA:true', 'keyUsage=critical,keyCertSign,cRLSign', ...IDENTIFIERS],
    replaced,
  );
}

/** Lines of a proper server, and others; each of `replaced` takes the place of the line that sets the same. */
export function serverExtensions(san: string | undefined, ...replaced: readonly string[]): readonly string[] {
  const lines = [
    'basicConstraints=critical,CA:false',
    'keyUsage=critical,digitalSignature,keyEncipherment',
    'extendedKeyUsage=serverAuth,clientAuth',
    ...IDENTIFIERS,
    ...(san === undefined ? [] : [`subjectAltName=${san}`]),
  ];
  return replacing(lines, replaced);
}

/** A line without a value takes the extension away. */
function replacing(lines: readonly string[], replaced: readonly string[]): readonly string[] {
  const nameOf = (line: string): string => line.split('=')[0] ?? '';
  const names = new Set(replaced.map(nameOf));
  return [...lines.filter((line) => !names.has(nameOf(line))), ...replaced.filter((line) => !line.endsWith('='))];
}

export function makeRoot(wish: Partial<RotationIntent> = {}): Made {
  return make({ subject: '/CN=Root CA', keyName: 'p256-1', extensions: caExtensions(), days: 3650, ...wish });
}

export function makeIntermediate(issuer: Made, wish: Partial<RotationIntent> = {}): Made {
  return make({
    subject: '/CN=Issuing CA',
    keyName: 'p256-2',
    issuer,
    extensions: caExtensions(),
    days: 1000,
    ...wish,
  });
}

export function makeLeaf(issuer: Made, wish: Partial<RotationIntent> = {}): Made {
  const extensions = serverExtensions('DNS:palette.example.org');
  return make({ subject: '/CN=palette.example.org', keyName: 'p256-3', issuer, extensions, ...wish });
}
