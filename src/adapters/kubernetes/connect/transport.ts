import type { RequestOptions } from 'node:https';
import type { Chosen } from './choose.ts';
import type { Grant } from './grant.ts';
import { type HttpAnswer, type HttpRequest, type Limits, request } from './http.ts';
import { tlsOptions } from './tls.ts';

export class Transport {
  readonly #chosen: Chosen;
  readonly #signal: AbortSignal;
  /** The connection's part of a login; another client certificate wants other connections. */
  #options: { readonly certificate: Grant['certificate']; readonly ready: Promise<RequestOptions> };

  constructor(chosen: Chosen, options: RequestOptions, signal: AbortSignal) {
    this.#chosen = chosen;
    this.#signal = signal;
    this.#options = { certificate: undefined, ready: Promise.resolve(options) };
  }

  forget(refused: Grant): boolean {
    return this.#chosen.source?.forget(refused) ?? false;
  }

  /** What proves who we are, at this moment. Throws UNAUTHENTICATED, or the signal's reason. */
  async login(signal: AbortSignal): Promise<Grant> {
    return (await this.#chosen.source?.current(signal)) ?? {};
  }

  async ask(what: HttpRequest, grant: Grant, limits: Limits): Promise<HttpAnswer> {
    const { server, impersonate } = this.#chosen;
    const headers = {
      ...what.headers,
      ...impersonate,
      ...(grant.authorization === undefined ? {} : { authorization: grant.authorization }),
    };
    const path = `${server.pathname.replace(/\/+$/, '')}${what.path}`;
    return request(server, await this.#connection(grant), { ...what, headers, path }, limits);
  }

  #connection(grant: Grant): Promise<RequestOptions> {
    if (grant.certificate !== this.#options.certificate) {
      const { cluster, user } = this.#chosen;
      const ready = tlsOptions({ cluster, user, signal: this.#signal }, grant);
      this.#options = { certificate: grant.certificate, ready };
    }
    return this.#options.ready;
  }
}
