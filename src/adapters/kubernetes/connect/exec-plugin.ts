import type { Cluster } from '@kubernetes/client-node';
import { PaletteKeysError } from '../../../errors.ts';
import { readUserFile } from '../../system/user-files.ts';
import { isObject, listAt, objectAt, textAt } from '../json.ts';
import { bearer, type Grant, isToken, type LoginHost, type LoginSource } from './grant.ts';

/** A program that logs in (`users[].user.exec`). */
export interface ExecPlugin {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly installHint: string | undefined;
  readonly provideClusterInfo: boolean;
  readonly interactiveMode: string;
}

interface Credential {
  readonly grant: Grant;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** Of a credential, in bytes. */
const MAX_OUTPUT = 1_000_000;

const API_VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];

export function parsePlugin(exec: unknown): ExecPlugin {
  const env = listAt(exec, 'env').map((entry) => [textAt(entry, 'name') ?? '', textAt(entry, 'value') ?? '']);
  return {
    apiVersion: textAt(exec, 'apiVersion') ?? '',
    command: textAt(exec, 'command') ?? '',
    args: listAt(exec, 'args').map(String),
    env: Object.fromEntries(env),
    installHint: textAt(exec, 'installHint'),
    provideClusterInfo: isObject(exec) && exec['provideClusterInfo'] === true,
    interactiveMode: textAt(exec, 'interactiveMode') ?? 'IfAvailable',
  };
}

/**
 * Runs the program as kubectl does. client-node starts one per request, leaves its stdin open, cannot stop it, and
 * quotes its output, which may be a token.
 */
export function execSource(plugin: ExecPlugin, cluster: Cluster, execConfig: unknown, host: LoginHost): LoginSource {
  let running: Promise<Credential> | undefined;
  let known: Credential | undefined;
  const login = async (signal: AbortSignal): Promise<Credential> => {
    try {
      return await run(plugin, cluster, execConfig, host, signal);
    } finally {
      running = undefined;
    }
  };
  return {
    current: async (signal) => {
      if (known !== undefined && Date.now() < known.expires) return known.grant;
      running ??= login(signal);
      known = await running;
      return known.grant;
    },
    forget: (refused) => {
      if (known?.grant === refused) known = undefined;
      return true;
    },
  };
}

async function run(
  plugin: ExecPlugin,
  cluster: Cluster,
  execConfig: unknown,
  host: LoginHost,
  signal: AbortSignal,
): Promise<Credential> {
  const { apiVersion, interactiveMode, provideClusterInfo } = plugin;
  if (!API_VERSIONS.includes(apiVersion))
    throw failed(plugin, `wants ${apiVersion || 'no'} API; v1 and v1beta1 are known`);
  const interactive = host.interactive && interactiveMode !== 'Never';
  if (interactiveMode === 'Always' && !interactive) throw failed(plugin, 'needs a terminal to ask on; there is none');
  const spec = {
    interactive,
    ...(provideClusterInfo ? { cluster: await clusterInfo(cluster, execConfig, signal) } : {}),
  };
  const info = JSON.stringify({ apiVersion, kind: 'ExecCredential', spec });
  return parse(
    plugin,
    await output(plugin, { ...host.env, ...plugin.env, KUBERNETES_EXEC_INFO: info }, interactive, signal),
  );
}

async function clusterInfo(
  { server, tlsServerName, skipTLSVerify, caData, caFile, proxyUrl }: Cluster,
  config: unknown,
  signal: AbortSignal,
) {
  const file = caFile ? await readUserFile(caFile, { limit: '1 MB', signal }) : undefined;
  const authority = caData ?? file?.toString('base64');
  return {
    server,
    ...(tlsServerName === undefined ? {} : { 'tls-server-name': tlsServerName }),
    ...(skipTLSVerify ? { 'insecure-skip-tls-verify': true } : {}),
    ...(authority === undefined ? {} : { 'certificate-authority-data': authority }),
    ...(proxyUrl === undefined ? {} : { 'proxy-url': proxyUrl }),
    ...(config === undefined ? {} : { config }),
  };
}

/** stdout of the plugin. Its stderr is the user's: that is where it asks and explains. */
async function output(
  plugin: ExecPlugin,
  env: NodeJS.ProcessEnv,
  interactive: boolean,
  signal: AbortSignal,
): Promise<string> {
  // Few kubeconfigs have a plugin.
  const { spawn } = await import('node:child_process');
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const stdin = interactive ? 'inherit' : 'ignore';
    const child = spawn(plugin.command, plugin.args, { env, stdio: [stdin, 'pipe', 'inherit'], signal });
    const chunks: Buffer[] = [];
    let length = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= MAX_OUTPUT) return void chunks.push(chunk);
      child.kill('SIGKILL');
      // What it has started itself may live on and hold the pipe.
      child.stdout.destroy();
      reject(failed(plugin, 'printed more than 1 MB'));
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      // What it has started itself may live on and hold the pipe.
      child.stdout?.destroy();
      reject(signal.aborted ? signal.reason : failed(plugin, `cannot be started (${error.code})`));
    });
    child.once('close', (code, killed) => {
      if (code === 0) resolve(Buffer.concat(chunks).toString('utf8'));
      else reject(failed(plugin, `failed (${killed ?? `exit code ${code}`})`));
    });
  });
}

function parse(plugin: ExecPlugin, text: string): Credential {
  const credential = parseJson(text);
  if (textAt(credential, 'kind') !== 'ExecCredential' || textAt(credential, 'apiVersion') !== plugin.apiVersion) {
    throw failed(plugin, `did not print an ExecCredential of ${plugin.apiVersion}`);
  }
  const status = objectAt(credential, 'status');
  const [token, cert] = [textAt(status, 'token'), textAt(status, 'clientCertificateData')];
  const key = textAt(status, 'clientKeyData');
  if (token !== undefined && !isToken(token)) throw failed(plugin, 'printed a token with characters that no token has');
  const certificate = cert === undefined || key === undefined ? {} : { certificate: { cert, key } };
  const grant = { ...(token === undefined ? {} : bearer(token)), ...certificate };
  if (Object.keys(grant).length === 0) throw failed(plugin, 'printed neither a token nor a certificate with its key');
  const until = Date.parse(textAt(status, 'expirationTimestamp') ?? '');
  return { grant, expires: Number.isNaN(until) ? Number.POSITIVE_INFINITY : until };
}

/** Without the parser's error: it quotes what it could not parse. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failed({ command, installHint }: ExecPlugin, what: string): PaletteKeysError {
  return new PaletteKeysError('UNAUTHENTICATED', `the login plugin ${command} ${what}`, {
    hint: installHint?.trim() || 'try it with: kubectl auth whoami',
  });
}
