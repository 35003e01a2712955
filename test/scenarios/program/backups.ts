/** Backups of installations in folders, keys to open them with, and other people's tools for both. */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { onTestFinished } from 'vitest';
import { fileWith, fingerprintOf, newFolder, newPath, type Outcome, run, runWell } from '../../support/program.ts';
import { LEDGER } from './store.ts';
import { tool } from './tools.ts';

export interface KeyPair {
  /** The file that opens a backup. */
  readonly identity: string;
  readonly recipient: string;
  /** What stands in that file. */
  readonly secret: string;
}

/** As `age-keygen -o FILE` makes it. */
export async function keyPair(): Promise<KeyPair> {
  const secret = await generateX25519Identity();
  const recipient = await identityToRecipient(secret);
  const identity = fileWith(`# created: 2027-01-01T00:00:00Z\n# public key: ${recipient}\n${secret}\n`, 'safe.key');
  return { identity, recipient, secret };
}

/** Backs a folder up for that key pair, and returns the file. */
export async function backUp(folder: string, { recipient }: KeyPair): Promise<string> {
  const file = newPath('b.age');
  await runWell(['backup', '--dir', folder, '--out', file, '--recipient', recipient, '-q']);
  return file;
}

/** Restores a file into a folder. */
export function restoreInto(folder: string, file: string, { identity }: KeyPair, ...flags: string[]): Promise<Outcome> {
  return run(['restore', file, '--dir', folder, '--identity', identity, ...flags]);
}

/** The same backup with a passphrase that is tried in a moment: each try of a real one takes a second. */
export async function withPassphrase(file: string, { secret }: KeyPair, passphrase: string): Promise<Uint8Array> {
  const [decrypter, encrypter] = [new Decrypter(), new Encrypter()];
  decrypter.addIdentity(secret);
  encrypter.setScryptWorkFactor(4);
  encrypter.setPassphrase(passphrase);
  return encrypter.encrypt(await decrypter.decrypt(readFileSync(file)));
}

/** Where the Secrets of the ledger stand. */
export function ledgerOf(folder: string): string {
  return path.join(folder, LEDGER, 'secrets');
}

/** Mode and text of every file of the ledger, but for what the first root key notes of the first run. */
export function ledgerFiles(folder: string): Readonly<Record<string, string>> {
  const ledger = ledgerOf(folder);
  const modes = Object.entries(fingerprintOf(ledger)).map(([name, facts]) => [name, facts.split(' ')[0]] as const);
  return Object.fromEntries(
    modes.map(([name, mode]) => {
      const text = name === '.' ? '' : readFileSync(path.join(ledger, name), 'utf8');
      return [name, `${mode} ${text.replace(/^.*keys[.]dev\/(spec|escrow|escrow-keys): .*\n/gm, '')}`];
    }),
  );
}

/** Runs `age` where it asks for a passphrase, which it does at a terminal alone; expect(1) answers. */
export function ageWithPassphrase(args: readonly string[], passphrase: string): void {
  const script = fileWith(
    [
      'set timeout 60',
      'log_user 0',
      `spawn -noecho age ${args.map((word) => `{${word}}`).join(' ')}`,
      'expect {',
      `  -re {(Enter|Confirm) passphrase[^:]*:} { send -- "${passphrase}\\r"; exp_continue }`,
      '  eof {}',
      '  timeout { exit 99 }',
      '}',
      'exit [lindex [wait] 3]',
    ].join('\n'),
    'age.exp',
  );
  const { code, output } = tool('expect', [script]);
  if (code !== 0) throw new Error(`age ended with ${code}: ${output}`);
}

/** What an API server answers to `kubectl create --dry-run=client`, which asks it for the kinds that there are. */
const DISCOVERY: Readonly<Record<string, unknown>> = {
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
  '/api/v1': {
    kind: 'APIResourceList',
    groupVersion: 'v1',
    resources: [
      { name: 'namespaces', singularName: '', namespaced: false, kind: 'Namespace', verbs: ['create', 'get'] },
      { name: 'secrets', singularName: '', namespaced: true, kind: 'Secret', verbs: ['create', 'get'] },
      { name: 'configmaps', singularName: '', namespaced: true, kind: 'ConfigMap', verbs: ['create', 'get'] },
    ],
  },
};

/** Gives a List to `kubectl create --dry-run=client`, and returns what it would create, as it has read it. */
export async function kubectlCreate(list: string): Promise<readonly KubernetesObject[]> {
  const server = createServer((request, response) => {
    const answer = DISCOVERY[new URL(request.url ?? '', 'http://localhost').pathname];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { kind: 'Status', code: 404 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const flags = ['--dry-run=client', '--validate=false', '-o', 'json', '-f', '-', '--server', address];
  const { code, stdout, stderr } = await run(['create', ...flags, '--cache-dir', newFolder()], {
    program: ['kubectl'],
    stdin: list,
  });
  if (code !== 0) throw new Error(`kubectl ended with ${code}: ${stderr}`);
  // One document after the other, or a List of them.
  const documents = stdout.split(/^(?=\{)/m).map((text) => JSON.parse(text) as KubernetesObject);
  return documents.flatMap((document) => document.items ?? [document]);
}

export interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly items?: readonly KubernetesObject[];
}
