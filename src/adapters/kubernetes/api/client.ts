import pLimit from 'p-limit';
import type { Grant } from '../connect/grant.ts';
import { type HttpAnswer, NoAnswer } from '../connect/http.ts';
import { MAX_IN_FLIGHT } from '../connect/tls.ts';
import type { Transport } from '../connect/transport.ts';
import { isObject, type JsonObject } from '../json.ts';
import type { Time } from '../time.ts';
import { Backoff, FIRST_CONTACT, PATIENT } from './backoff.ts';
import { type Call, isWrite, methodOf, pathOf } from './call.ts';
import { ApiFailure, type Problem } from './failure.ts';
import { plain } from './mask.ts';
import { readStatus, retryAfter } from './read-status.ts';
import { ServerClock } from './server-clock.ts';

export interface ClientOptions {
  readonly transport: Transport;
  /** Of every request: the User-Agent. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly time: Time;
}

export interface SendOptions {
  readonly timeoutMs?: number;
  /** What must be done even after the run was interrupted: giving back the lock. */
  readonly evenIfAborted?: boolean;
}

/** Takes an answer apart; throws Garbled where it is not what it should be. */
export type Read<T> = (json: JsonObject) => T;

/** The answer is a success, but does not hold what it should. */
export class Garbled extends Error {
  override readonly name = 'Garbled';
}

/** A write that is under way when the run is interrupted may take so long to end: then one knows what came of it. */
const GRACE_MS = 3000;

const NEVER = new AbortController().signal;

/** JSON over client-node's login and TLS. Its API classes know no retries or time-outs, and hand error bodies out. */
export class ApiClient {
  readonly clock: ServerClock;
  readonly time: Time;
  readonly signal: AbortSignal;
  readonly #options: ClientOptions;
  readonly #slots = pLimit(MAX_IN_FLIGHT);
  #answered = false;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.clock = new ServerClock(options.time);
    this.time = options.time;
    this.signal = options.signal;
  }

  backoff(): Backoff {
    return new Backoff(this.time, () => (this.#answered ? PATIENT : FIRST_CONTACT));
  }

  /** For what changes nothing: tried again as long as that may help. */
  async read<T>(call: Call, read: Read<T>, backoff = this.backoff()): Promise<T> {
    for (;;) {
      try {
        return await this.send(call, read);
      } catch (error) {
        if (!(error instanceof ApiFailure)) throw error;
        await backoff.wait(error, this.signal);
      }
    }
  }

  /** One try; one more if the login has expired. Throws ApiFailure for everything that is not a whole success. */
  async send<T>(call: Call, read: Read<T>, options: SendOptions = {}): Promise<T> {
    const { transport } = this.#options;
    const signal = options.evenIfAborted ? NEVER : this.signal;
    let grant = await transport.login(signal);
    let answer = await this.#ask(call, grant, options);
    if (answer.status === 401 && transport.forget(grant)) {
      grant = await transport.login(signal);
      answer = await this.#ask(call, grant, options);
    }
    return this.#understand(call, answer, read);
  }

  async #ask(
    call: Call,
    grant: Grant,
    { timeoutMs = this.#options.timeoutMs, evenIfAborted }: SendOptions,
  ): Promise<HttpAnswer> {
    const { transport, headers } = this.#options;
    const request = {
      method: methodOf(call),
      path: pathOf(isWrite(call) ? withTimeout(call, timeoutMs) : call),
      headers: { accept: 'application/json', ...headers, ...contentType(call) },
      body: call.body === undefined ? undefined : JSON.stringify(call.body),
    };
    return this.#slots(async () => {
      const limit = this.#limit(call, evenIfAborted === true);
      try {
        const answer = await transport.ask(request, grant, { timeoutMs, signal: limit.signal });
        this.#answered = true;
        this.clock.note(answer.headers.date);
        return answer;
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        throw new ApiFailure(call, { type: 'no-answer', code: error.code });
      } finally {
        limit.lift();
      }
    });
  }

  /** The signal that ends a request: for a write that is under way, somewhat later than that of the run. */
  #limit(call: Call, evenIfAborted: boolean): { readonly signal: AbortSignal; lift(): void } {
    if (evenIfAborted) return { signal: NEVER, lift: () => undefined };
    this.signal.throwIfAborted();
    if (!isWrite(call)) return { signal: this.signal, lift: () => undefined };
    const later = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const onAbort = (): void => {
      timer = setTimeout(() => later.abort(this.signal.reason), GRACE_MS);
    };
    this.signal.addEventListener('abort', onAbort, { once: true });
    const lift = (): void => {
      clearTimeout(timer);
      this.signal.removeEventListener('abort', onAbort);
    };
    return { signal: later.signal, lift };
  }

  #understand<T>(call: Call, { status: http, headers, body }: HttpAnswer, read: Read<T>): T {
    const contentType = plain(headers['content-type'] ?? '');
    const json = /^application\/json\b/i.test(contentType) ? parse(body) : undefined;
    const fail = (problem: Problem): ApiFailure =>
      new ApiFailure(call, problem, retryAfter(headers['retry-after'], headers.date, json));
    if (http < 200 || http > 299) {
      throw fail({ type: 'refused', http, status: readStatus(json, call.mask ?? plain), contentType });
    }
    if (json === undefined) throw fail({ type: 'garbled', http, what: `its content (${contentType}) is not JSON` });
    try {
      return read(json);
    } catch (error) {
      if (error instanceof Garbled) throw fail({ type: 'garbled', http, what: error.message });
      throw error;
    }
  }
}

/** Tells the server when nobody waits any more, so that it does not act later. */
function withTimeout(call: Call, timeoutMs: number): Call {
  if (timeoutMs === 0) return call;
  return { ...call, query: { ...call.query, timeout: `${Math.max(1, Math.ceil(timeoutMs / 1000))}s` } };
}

function contentType({ body }: Call): Readonly<Record<string, string>> {
  return body === undefined ? {} : { 'content-type': 'application/json' };
}

function parse(body: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
