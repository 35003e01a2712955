import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { request } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export type Fault =
  /** The connection breaks and the server never hears of the request. */
  | 'cut-before'
  /** The server has acted, then the connection breaks without a byte of the answer. */
  | 'cut-after'
  /** The answer's head and half of its body, then the connection breaks. */
  | 'half-body'
  /** An answer of the proxy's own. */
  | FaultyAnswer
  /** The request reaches the server late, even if the client has given up by then; the answer is the server's. */
  | { readonly delayMs: number };

export interface FaultyAnswer {
  readonly status: number;
  /** Seconds, for the header Retry-After. */
  readonly retryAfter?: number | undefined;
  /** A Kubernetes Status unless given. */
  readonly body?: string | undefined;
  readonly contentType?: string | undefined;
  /** The server has acted before this is said, as when a balancer in front of it runs out of patience. */
  readonly afterServer?: boolean | undefined;
}

/** A request as the proxy saw it; kept up to date while it is under way. */
export interface Recording {
  readonly index: number;
  readonly method: string;
  readonly path: string;
  readonly fault: Fault | undefined;
  /** What the client was told; 0 where it got no answer, or none yet. */
  status: number;
  /** What the API server answered; undefined if it never saw the request, or has not answered yet. */
  serverStatus: number | undefined;
}

export type RecordedRequest = Readonly<Recording>;

export interface Exchange {
  readonly target: { readonly url: string; readonly caPem: string };
  readonly recording: Recording;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/** Takes one request through the fault that was chosen for it. */
export async function handleExchange(exchange: Exchange): Promise<void> {
  const { fault } = exchange.recording;
  const body = await buffer(exchange.incoming);
  if (fault === 'cut-before') return cut(exchange);
  if (typeof fault === 'object' && 'status' in fault) {
    if (fault.afterServer) await buffer(await forward(exchange, body));
    return answer(exchange, fault);
  }
  if (typeof fault === 'object') await sleep(fault.delayMs);
  const response = await forward(exchange, body);
  if (fault === 'cut-after' || fault === 'half-body') {
    const whole = await buffer(response);
    if (fault === 'half-body') await sendHalf(exchange, response, whole);
    return cut(exchange);
  }
  await passOn(exchange, response);
}

/** Sends the request on to the API server; resolves when the head of the answer is there. */
function forward({ target, recording, incoming }: Exchange, body: Buffer): Promise<IncomingMessage> {
  const { hostname, port, host } = new URL(target.url);
  const { method, path } = recording;
  const headers = { ...endToEnd(incoming.headers), host, 'content-length': body.length };
  return new Promise((resolve, reject) => {
    const options = { hostname, port, method, path, headers, ca: target.caPem, agent: false };
    const toServer = request(options, (response) => {
      recording.serverStatus = response.statusCode;
      resolve(response);
    });
    toServer.on('error', reject).end(body);
  });
}

/** A watch stays open for minutes: its events go on as they come. */
async function passOn({ recording, outgoing }: Exchange, response: IncomingMessage): Promise<void> {
  recording.status = response.statusCode ?? 0;
  outgoing.writeHead(recording.status, endToEnd(response.headers));
  outgoing.flushHeaders();
  await pipeline(response, outgoing);
}

function answer({ recording, outgoing }: Exchange, fault: FaultyAnswer): void {
  const { status, retryAfter, body, contentType } = fault;
  recording.status = status;
  outgoing.writeHead(status, {
    'content-type': contentType ?? 'application/json',
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  });
  outgoing.end(body ?? statusObject(status));
}

async function sendHalf({ recording, outgoing }: Exchange, response: IncomingMessage, whole: Buffer): Promise<void> {
  recording.status = response.statusCode ?? 0;
  outgoing.writeHead(recording.status, { ...endToEnd(response.headers), 'content-length': whole.length });
  outgoing.flushHeaders();
  const half = whole.subarray(0, Math.floor(whole.length / 2));
  if (half.length > 0) await new Promise((resolve) => outgoing.write(half, resolve));
}

function cut({ outgoing }: Exchange): void {
  outgoing.socket?.destroy();
}

const REASONS: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'AlreadyExists',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

function statusObject(code: number): string {
  const head = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' };
  return JSON.stringify({ ...head, message: 'said the fault proxy', reason: REASONS[code] ?? '', code });
}

/** Without the headers that concern one connection only (RFC 9110, section 7.6.1). */
function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { connection, 'keep-alive': keepAlive, 'transfer-encoding': encoding, upgrade, ...rest } = headers;
  return rest;
}
