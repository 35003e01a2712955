import type { Lock } from '../../../ports/key-store.ts';
import { writing } from '../api/call.ts';
import type { ApiClient } from '../api/client.ts';
import { ApiFailure, isMissing } from '../api/failure.ts';
import { decodeLease, freed, type Holding, LEASE_SECONDS, type Lease, leaseTarget, renewed } from './lease-object.ts';

const RENEW_MS = 10_000;

/** Neither renewing nor releasing is worth a longer wait: the next renewal comes soon, and a lease lapses by itself. */
const TIMEOUT_MS = 5000;

interface Place {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly warn: (message: string) => void;
}

export class HeldLease implements Lock {
  readonly #place: Place;
  readonly #ours: Holding;
  readonly #stop = new AbortController();
  readonly #renewing: Promise<void>;
  #lease: Lease | undefined;
  #released: Promise<void> | undefined;

  constructor(place: Place, lease: Lease, ours: Holding) {
    this.#place = place;
    this.#ours = ours;
    this.#lease = lease;
    this.#renewing = this.#keepRenewing();
  }

  release(): Promise<void> {
    this.#released ??= this.#giveBack();
    return this.#released;
  }

  /** Goes on after an interruption too, until the release: what is under way then is still under the lock. */
  async #keepRenewing(): Promise<void> {
    const { time } = this.#place.client;
    let last = time.now();
    let warned = false;
    while (this.#lease !== undefined && !this.#stop.signal.aborted) {
      try {
        await time.idle(RENEW_MS, this.#stop.signal);
      } catch {
        return;
      }
      if (await this.#renew()) {
        last = time.now();
        warned = false;
      } else if (this.#lease !== undefined && !warned && time.now() - last > LEASE_SECONDS * 1000) {
        warned = true;
        this.#warn('could not be renewed for 30 s: another run may take it over');
      }
    }
  }

  async #renew(): Promise<boolean> {
    try {
      await this.#change(renewed);
      return true;
    } catch {
      return this.#lookAgain();
    }
  }

  /** Whether it is ours all the same: the answer to a renewal may have been lost. False too where that cannot be told. */
  async #lookAgain(): Promise<boolean> {
    const { client, namespace } = this.#place;
    try {
      const there = await client.send(leaseTarget('get', namespace), decodeLease, QUICKLY);
      if (there.holding?.nonce === this.#ours.nonce) {
        const moved = there.renewed !== this.#lease?.renewed;
        this.#lease = there;
        return moved;
      }
      this.#lose(there.identity === undefined ? 'was given back by somebody else' : `was taken by ${there.identity}`);
    } catch (error) {
      if (isMissing(error)) this.#lose('was deleted');
    }
    return false;
  }

  #lose(how: string): void {
    // While it is being given back, that it is gone is no news.
    if (this.#lease !== undefined && !this.#stop.signal.aborted) this.#warn(how);
    this.#lease = undefined;
  }

  #warn(how: string): void {
    this.#place.warn(
      `the lock in namespace ${this.#place.namespace} ${how}; no key can get lost by that, but runs may disturb each other`,
    );
  }

  async #change(next: (lease: Lease, now: Date) => Lease['json']): Promise<void> {
    const { client, namespace } = this.#place;
    if (this.#lease === undefined) return;
    const body = next(this.#lease, client.clock.now());
    this.#lease = await client.send(writing(leaseTarget('update', namespace), body), decodeLease, QUICKLY);
  }

  /** Never throws: what is left behind lapses, or is taken over by the next run on this machine. */
  async #giveBack(): Promise<void> {
    this.#stop.abort();
    await this.#renewing;
    for (let n = 0; n < 3 && this.#lease !== undefined; n += 1) {
      try {
        await this.#change(freed);
        return;
      } catch (error) {
        if (!(error instanceof ApiFailure)) return;
        await this.#lookAgain();
      }
    }
  }
}

const QUICKLY = { timeoutMs: TIMEOUT_MS, evenIfAborted: true };
