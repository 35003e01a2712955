import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http';
import { type RequestOptions, request as requestHttps } from 'node:https';
import { getCACertificates } from 'node:tls';
import { PaletteKeysError } from '../../../errors.ts';
import type { Chosen } from './choose.ts';

/** Requests at a time: enough to keep an API server busy, few enough to be a polite client (kubectl's burst is alike). */
export const MAX_IN_FLIGHT = 16;

export interface HttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Limits {
  /** For the whole exchange; 0: none. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** No complete answer came. `code` is Node's, or TIMED_OUT, or one of ours; messages could quote what was sent. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** No API server sends that much; what does, shall not fill the memory. */
const MAX_BYTES = 128 * 1024 * 1024;

/** Requests to one API server, with login, TLS and proxy by client-node. */
export class Transport {
  readonly #choose: () => Chosen;
  #chosen: Chosen;

  /** `choose` is called again for a new login. */
  constructor(choose: () => Chosen) {
    this.#choose = choose;
    this.#chosen = choose();
  }

  /** The server did not accept the login: read it anew. False where nothing new can come of it. */
  loginAgain(): boolean {
    const { exec, authProvider } = this.#chosen.user;
    if (!(exec || authProvider)) return false;
    this.#chosen = this.#choose();
    return true;
  }

  /** One request and its whole answer, whatever its status. Throws NoAnswer, UNAUTHENTICATED, or the signal's reason. */
  async ask(request: HttpRequest, limits: Limits): Promise<HttpAnswer> {
    limits.signal.throwIfAborted();
    const options = await within(this.#authorized(request), limits);
    return exchange(this.#url(request.path), { ...options, method: request.method }, request.body, limits);
  }

  #url(path: string): URL {
    const server = new URL(this.#chosen.cluster.server);
    return new URL(`${server.pathname.replace(/\/+$/, '')}${path}`, server);
  }

  async #authorized({ headers, body }: HttpRequest): Promise<RequestOptions> {
    const { config, cluster, impersonate, login } = this.#chosen;
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const options: RequestOptions = {
      headers: {
        ...(headers as Record<string, string | string[]>),
        ...(impersonate as Record<string, string | string[]>),
        ...length,
      },
      // Always said: unsaid, NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would hand keys to anybody.
      rejectUnauthorized: true,
      // Without a CA of its own, a server is vouched for by one that Node or the system trusts, as for kubectl.
      ...(cluster.caData || cluster.caFile ? {} : { ca: systemAuthorities() }),
    };
    try {
      await config.applyToHTTPSOptions(options);
    } catch {
      // Its message may be all that a login plugin has printed.
      throw new PaletteKeysError('UNAUTHENTICATED', `logging in failed: ${login}`, {
        hint: 'see whether kubectl gets in with the same kubeconfig; log in again',
      });
    }
    return withKeepAlive(trimmed(options));
  }
}

let authorities: string[] | undefined;

function systemAuthorities(): string[] {
  authorities ??= [...getCACertificates('default'), ...getCACertificates('system')];
  return authorities;
}

/** A token file ends with a line end as often as not, which cannot stand in a header. */
function trimmed(options: RequestOptions): RequestOptions {
  const headers = { ...(options.headers as Record<string, unknown>) };
  const { Authorization: authorization } = headers;
  if (typeof authorization === 'string') headers['Authorization'] = authorization.trim();
  return { ...options, headers: headers as NonNullable<RequestOptions['headers']> };
}

/** client-node makes agents that use each connection once. */
function withKeepAlive(options: RequestOptions): RequestOptions {
  const { agent } = options;
  if (typeof agent === 'object' && agent !== null) {
    const { options: own } = agent as { readonly options?: object };
    Object.assign(own ?? {}, { keepAlive: true });
    Object.assign(agent, { keepAlive: true, maxSockets: MAX_IN_FLIGHT, maxFreeSockets: MAX_IN_FLIGHT });
  }
  return options;
}

/** Login plugins may hang; nobody waits for one longer than for a request. */
async function within<T>(work: Promise<T>, { timeoutMs, signal }: Limits): Promise<T> {
  let end: (() => void) | undefined;
  const given = new Promise<never>((_resolve, reject) => {
    const timer = timeoutMs > 0 ? setTimeout(() => reject(new NoAnswer('TIMED_OUT')), timeoutMs) : undefined;
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
  });
  try {
    return await Promise.race([work, given]);
  } finally {
    end?.();
  }
}

async function exchange(
  url: URL,
  options: RequestOptions,
  body: string | undefined,
  limits: Limits,
): Promise<HttpAnswer> {
  let outgoing: ClientRequest | undefined;
  const answer = new Promise<HttpAnswer>((resolve, reject) => {
    outgoing = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options);
    outgoing.on('error', (error) => reject(asNoAnswer(error)));
    outgoing.on('response', (response) => {
      collect(response).then(resolve, (error: Error) => reject(asNoAnswer(error)));
    });
    outgoing.end(body);
  });
  try {
    return await within(answer, limits);
  } catch (error) {
    outgoing?.destroy();
    throw error;
  }
}

async function collect(response: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new NoAnswer('TOO_LARGE');
    chunks.push(chunk);
  }
  if (!response.complete) throw new NoAnswer('ECONNRESET');
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

function asNoAnswer(error: Error): NoAnswer {
  if (error instanceof NoAnswer) return error;
  return new NoAnswer('code' in error && typeof error.code === 'string' ? error.code : error.name);
}
