import { fingerprint } from '../crypto/digest.ts';
import type { Clock } from '../ports/clock.ts';
import type { TlsProbe } from '../ports/tls-probe.ts';

export interface Served {
  /** True as soon as the server showed the certificate. */
  readonly done: boolean;
  /** Fingerprint of what was served last; undefined where nobody could be asked. */
  readonly last: string | undefined;
  /** Why nobody could be asked, the last time. */
  readonly unreachable: string | undefined;
}

/** Compares fingerprints: that the site still works proves nothing, an ingress keeps the old certificate in memory. */
export async function watchServed(
  target: { readonly host: string; readonly port: number; readonly servername: string },
  wanted: string,
  ports: {
    readonly probe: TlsProbe;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly pause: (ms: number) => Promise<void>;
  },
  timeoutMs: number,
): Promise<Served> {
  const end = ports.clock.now().getTime() + timeoutMs;
  let served: Served = { done: false, last: undefined, unreachable: undefined };
  for (;;) {
    ports.signal.throwIfAborted();
    const result = await ports.probe.probe({ ...target, timeoutMs: 5000 });
    if ('unreachable' in result) served = { ...served, unreachable: result.unreachable };
    else {
      const last = fingerprint(result.chain[0] ?? new Uint8Array());
      if (last === wanted) return { done: true, last, unreachable: undefined };
      served = { done: false, last, unreachable: undefined };
    }
    if (ports.clock.now().getTime() >= end) return served;
    await ports.pause(1000);
  }
}
