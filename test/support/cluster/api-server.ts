import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { callApi } from './api.ts';
import { type AuditRule, formatAuditPolicy } from './audit.ts';
import type { ServerCertificate } from './certificate.ts';
import type { ServerStart } from './start-server.ts';

/** The files in the cluster's folder that the servers are pointed at. */
export interface Files {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  readonly tokens: string;
  readonly serviceAccountKey: string;
  readonly serviceAccountPublicKey: string;
  readonly encryption: string;
  readonly auditPolicy: string;
  readonly auditLog: string;
}

export function filesIn(folder: string): Files {
  return {
    ca: join(folder, 'ca.crt'),
    certificate: join(folder, 'server.crt'),
    key: join(folder, 'server.key'),
    tokens: join(folder, 'tokens.csv'),
    serviceAccountKey: join(folder, 'service-account.key'),
    serviceAccountPublicKey: join(folder, 'service-account.pub'),
    encryption: join(folder, 'encryption.yaml'),
    auditPolicy: join(folder, 'audit-policy.yaml'),
    auditLog: join(folder, 'audit.log'),
  };
}

/** Writes what the API server reads, save the tokens and the encryption configuration. */
export async function writeFiles(
  files: Files,
  certificate: ServerCertificate,
  audit: readonly AuditRule[],
): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await Promise.all([
    writeSecret(files.ca, certificate.caPem),
    writeSecret(files.certificate, certificate.certPem),
    writeSecret(files.key, certificate.keyPem),
    writeSecret(files.serviceAccountKey, privateKey.export({ type: 'pkcs8', format: 'pem' })),
    writeSecret(files.serviceAccountPublicKey, publicKey.export({ type: 'spki', format: 'pem' })),
    writeSecret(files.auditPolicy, formatAuditPolicy(audit)),
  ]);
}

export function writeSecret(file: string, text: string | Buffer): Promise<void> {
  return writeFile(file, text, { mode: 0o600 });
}

export interface ApiServer {
  readonly file: string;
  readonly folder: string;
  readonly files: Files;
  readonly etcdUrl: string;
  readonly caPem: string;
  readonly adminToken: string;
  readonly encrypted: boolean;
  readonly audited: boolean;
  readonly extraArgs: readonly string[];
  readonly timeoutMs: number;
}

export function apiServerStart(server: ApiServer): ServerStart {
  return {
    name: 'kube-apiserver',
    file: server.file,
    ports: 1,
    timeoutMs: server.timeoutMs,
    args: ([port = 0]) => apiServerArgs(server, port),
    isReady: ([port = 0]) => isReady(server, port),
  };
}

function apiServerArgs(server: ApiServer, port: number): readonly string[] {
  const { files } = server;
  return [
    `--etcd-servers=${server.etcdUrl}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${server.folder}`,
    `--tls-cert-file=${files.certificate}`,
    `--tls-private-key-file=${files.key}`,
    `--client-ca-file=${files.ca}`,
    `--token-auth-file=${files.tokens}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${files.serviceAccountPublicKey}`,
    `--service-account-signing-key-file=${files.serviceAccountKey}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    '--authorization-mode=RBAC',
    '--disable-admission-plugins=ServiceAccount',
    ...(server.encrypted ? [`--encryption-provider-config=${files.encryption}`] : []),
    ...(server.audited ? [`--audit-policy-file=${files.auditPolicy}`, `--audit-log-path=${files.auditLog}`] : []),
    ...server.extraArgs,
  ];
}

/** Ready by its own account, and the namespace that every test takes for granted is there. */
async function isReady({ caPem, adminToken }: ApiServer, port: number): Promise<boolean> {
  const ask = (path: string) => callApi(`https://127.0.0.1:${port}${path}`, caPem, { token: adminToken });
  if ((await ask('/readyz')).status !== 200) return false;
  return (await ask('/api/v1/namespaces/default')).status === 200;
}
