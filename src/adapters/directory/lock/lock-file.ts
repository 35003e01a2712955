import type { LockHolder } from '../../../ports/key-store.ts';
import { LOCK, type Place } from '../layout.ts';
import { readSmallFile } from '../read-file.ts';
import type { Origin } from './process-identity.ts';

/** What a lock says. The nonce is new every time, so that one can tell whether it is still the same lock. */
export interface LockRecord {
  readonly origin: Origin;
  readonly holder: LockHolder;
  readonly nonce: string;
}

const MAX_BYTES = 64 * 1024;

export function formatLock({ origin, holder, nonce }: LockRecord): Uint8Array {
  const { pid, start, bootId, host, pidNamespace } = origin;
  const { command, user, since } = holder;
  const text = JSON.stringify({
    ...{ pid, processStart: start ?? null, bootId: bootId ?? null, host, pidNamespace: pidNamespace ?? null },
    ...{ command, user, since, nonce },
  });
  return new TextEncoder().encode(`${text}\n`);
}

/** undefined: there is no lock. 'unreadable': whose it is cannot be told, so nobody may touch it. */
export async function readLock(place: Place, path: string): Promise<LockRecord | 'unreadable' | undefined> {
  const found = await readSmallFile(place, path, MAX_BYTES);
  if (found === undefined) return undefined;
  return (found.text === undefined ? undefined : parseLock(found.text)) ?? 'unreadable';
}

function parseLock(text: string): LockRecord | undefined {
  const { pid, processStart, bootId, host, pidNamespace, command, user, since, nonce } = parseObject(text);
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (typeof nonce !== 'string' || !/^[0-9a-f]{32}$/.test(nonce)) return undefined;
  if (typeof host !== 'string' || typeof command !== 'string' || typeof user !== 'string') return undefined;
  if (typeof since !== 'string' || !isTextOrNull(processStart)) return undefined;
  if (!isTextOrNull(bootId) || !isTextOrNull(pidNamespace)) return undefined;
  return {
    origin: {
      ...{ pid, host, start: processStart ?? undefined },
      ...{ bootId: bootId ?? undefined, pidNamespace: pidNamespace ?? undefined },
    },
    holder: { command, user, since },
    nonce,
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

/** Stands beside a dead lock while it is taken over; only who holds it may do so. */
export function guardName(nonce: string): string {
  return `${LOCK}.${nonce}`;
}

export function isGuardName(name: string): boolean {
  return /^\.lock\.[0-9a-f]{32}$/.test(name);
}
