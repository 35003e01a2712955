import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http';
import { type RequestOptions, request as requestHttps } from 'node:https';
import type { Abandonable } from './tls.ts';

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

/** One request and its whole answer, whatever its status. Throws NoAnswer, or the signal's reason. */
export function request(
  server: URL,
  options: RequestOptions,
  { method, path, headers, body }: HttpRequest,
  { timeoutMs, signal }: Limits,
): Promise<HttpAnswer> {
  signal.throwIfAborted();
  const own = { ...(headers as Record<string, string | string[]>), ...options.headers };
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  // The agents of client-node take the time-out for the way through a proxy, too.
  const abandon = new AbortController();
  const all = { ...options, method, headers: { ...own, ...length }, timeout: timeoutMs, abandon: abandon.signal };
  return new Promise((resolve, reject) => {
    const outgoing = open(new URL(path, server), all);
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    const fail = (error: Error): void => {
      end(() => reject(error));
      outgoing.destroy();
      abandon.abort();
    };
    const onAbort = (): void => fail(signal.reason);
    const timer = timeoutMs > 0 ? setTimeout(() => fail(new NoAnswer('TIMED_OUT')), timeoutMs) : undefined;
    signal.addEventListener('abort', onAbort, { once: true });
    outgoing.on('error', (error) => fail(asNoAnswer(error)));
    outgoing.on('response', (response) => {
      collect(response).then(
        (answer) => end(() => resolve(answer)),
        (error: Error) => fail(asNoAnswer(error)),
      );
    });
    // As bytes: together with a text, Node would encode the header once more.
    outgoing.end(body === undefined ? undefined : Buffer.from(body));
  });
}

function open(url: URL, options: RequestOptions & Abandonable): ClientRequest {
  return url.protocol === 'https:' ? requestHttps(url, options) : requestHttp(url, options);
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
  if ('code' in error && typeof error.code === 'string') return new NoAnswer(error.code);
  // That is how client-node's agents say what a proxy answered.
  const refused = /^Bad response: (\d{3})$/.exec(error.message)?.[1];
  if (refused !== undefined) return new NoAnswer(`PROXY_${refused}`);
  const isOfProxy = /^(Socks|Proxy)/i.test(error.constructor.name) || /^(Socks|Proxy)/i.test(error.message);
  return new NoAnswer(isOfProxy ? 'PROXY_FAILED' : error.name);
}
