import { equalBytes } from '../crypto/digest.ts';
import { PaletteKeysError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { KeyStore } from '../ports/key-store.ts';
import type { Random } from '../ports/random.ts';
import type { FoundTenant, Replacement, TenantStore, WrappedKey } from '../ports/tenant-store.ts';
import { confirmActive, type TenantAccess } from './keyring.ts';
import { isWrappedAs } from './plan/document.ts';
import { examineTenant, type TenantFailure } from './plan/examine.ts';
import { isInShard, parseShard, type Shard } from './plan/shard.ts';
import { unwrapTenantKey, wrapTenantKey } from './plan/wrap.ts';
import { scanTenants, type Watch } from './scan.ts';

export interface RewrapPorts extends Watch {
  readonly store: KeyStore;
  readonly tenants: TenantStore;
  readonly clock: Clock;
  readonly random: Random;
}

export interface RewrapResult {
  readonly activeKid: string;
  readonly total: number;
  /** Those of the shard that were not wrapped by the active root key. */
  readonly due: number;
  readonly rewrapped: number;
  /** Changed or removed by others between being read and being written; each was read again. */
  readonly overtaken: number;
  /** Documents of the shard that others still wrap by an old root key. */
  readonly remaining: number;
  readonly seconds: number;
  /** Documents wrapped anew, per second. */
  readonly rate: number;
  readonly failures: readonly TenantFailure[];
}

/** How many were wrapped anew so far: who passes it in knows so where `applyRewrap` throws. */
export interface Rewrapped {
  sure: number;
  /** In writes that failed, and nobody could look what they did. */
  perhaps: number;
}

/** `i/n`. Throws USAGE. */
export function parseShardFlag(text: string): Shard {
  const shard = parseShard(text);
  if (shard !== undefined) return shard;
  throw new PaletteKeysError('USAGE', '--shard is not i/n with i below n', {
    hint: 'the parts of four are 0/4, 1/4, 2/4, 3/4',
  });
}

/** Batches under way at a time: the server works on one while the next is being made. More take memory (200 MiB with 4). */
const IN_FLIGHT = 2;
/** A pass that finds nothing ends the work; so many are made while others keep wrapping by an old root key. */
const PASSES = 5;
/** One key wraps at most so many: random nonces of 96 bits must not meet (NIST SP 800-38D, section 8.3, asks for 2^32). */
const WRAPS = 2 ** 31;
/** A look at the record that is older does not count: a batch that was held up may meet a root key that is retired by now. */
const CONFIRM_MS = 1000;

/** What would be done. Where `failures` is not empty, nothing may be. */
export async function previewRewrap(access: TenantAccess, shard: Shard, ports: RewrapPorts): Promise<RewrapResult> {
  const begun = ports.clock.now();
  let due = 0;
  const scan = await scanTenants(ports.tenants, access.keyring, ports, ({ failure, ...sound }) => {
    if (failure !== undefined || !('document' in sound)) return;
    if (sound.document.wrapped.kid !== access.activeKid && isInShard(sound.document._id, shard)) due += 1;
  });
  if (scan.total + due > WRAPS) {
    throw new PaletteKeysError('REFUSED', `one root key wraps at most ${WRAPS} tenant keys`, {
      hint: 'rotate the root key before that',
    });
  }
  const { total, failures } = scan;
  const nothing = { rewrapped: 0, overtaken: 0, remaining: due, ...pace(0, begun, ports.clock) };
  return { activeKid: access.activeKid, total, due, failures, ...nothing };
}

/**
 * Opens, wraps, opens again and compares, and only then replaces, by compare-and-swap: shards may overlap, die and be
 * repeated. Needs a preview without failures. Throws CONFLICT where the root key is rotated meanwhile.
 */
export async function applyRewrap(
  access: TenantAccess,
  shard: Shard,
  preview: RewrapResult,
  ports: RewrapPorts,
  done: Rewrapped = { sure: 0, perhaps: 0 },
): Promise<RewrapResult> {
  const { clock, tenants, emit } = ports;
  const begun = clock.now();
  await tenants.ensureIndex();
  const run = new Run(access, shard, preview.due, ports, done);
  emit({ type: 'started', phase: 'rewrap', total: preview.due });
  let remaining = 0;
  for (let pass = 0; pass < PASSES; pass++) {
    await confirmActive(access, ports.store);
    remaining = await run.pass();
    if (remaining === 0) break;
  }
  emit({ type: 'finished', phase: 'rewrap' });
  const { overtaken, failures } = run;
  const rewrapped = done.sure;
  return { ...preview, rewrapped, overtaken, remaining, failures, ...pace(rewrapped, begun, clock) };
}

class Run {
  overtaken = 0;
  readonly failures: TenantFailure[] = [];
  readonly #access: TenantAccess;
  readonly #shard: Shard;
  readonly #due: number;
  readonly #ports: RewrapPorts;
  readonly #done: Rewrapped;
  readonly #oldKids: readonly string[];
  #confirmed: number;

  constructor(access: TenantAccess, shard: Shard, due: number, ports: RewrapPorts, done: Rewrapped) {
    this.#access = access;
    this.#done = done;
    this.#shard = shard;
    this.#due = due;
    this.#ports = ports;
    this.#oldKids = [...access.keyring.wrapKeys.keys()].filter((kid) => kid !== access.activeKid);
    this.#confirmed = ports.clock.now().getTime();
  }

  /** Goes through all documents of the shard under old kids; returns how many it found. */
  async pass(): Promise<number> {
    if (this.#oldKids.length === 0) return 0;
    this.failures.length = 0;
    let found = 0;
    const underWay = new Set<Promise<void>>();
    const failed: unknown[] = [];
    try {
      for await (const batch of this.#ports.tenants.scan(this.#oldKids)) {
        this.#ports.signal.throwIfAborted();
        if (failed.length > 0) break;
        const ours = batch.filter(({ _id }) => typeof _id === 'string' && isInShard(_id, this.#shard));
        found += ours.length;
        const job = this.#write(this.#wrapAnew(ours))
          .catch((error: unknown) => void failed.push(error))
          .finally(() => underWay.delete(job));
        underWay.add(job);
        if (underWay.size >= IN_FLIGHT) await Promise.race(underWay);
      }
    } finally {
      await Promise.all(underWay);
    }
    if (failed.length > 0) throw failed[0];
    return found;
  }

  #wrapAnew(batch: readonly FoundTenant[]): readonly Replacement[] {
    const { keyring, activeKid } = this.#access;
    const wrapKey = keyring.wrapKeys.get(activeKid);
    if (wrapKey === undefined) throw new Error('the keyring lacks the active root key');
    return batch.flatMap((found): readonly Replacement[] => {
      const examined = examineTenant(found, keyring);
      if (examined.failure !== undefined) {
        this.failures.push(examined.failure);
        return [];
      }
      const { document, key } = examined;
      if (document.wrapped.kid === activeKid) return [];
      const after = wrapTenantKey(document, key, { kid: activeKid, wrapKey, iv: this.#ports.random.bytes(12) });
      const opened = unwrapTenantKey(document, after, wrapKey);
      const same = equalBytes(opened, key);
      key.fill(0);
      opened.fill(0);
      if (!same) throw new Error('a tenant key wrapped anew opens to another');
      return [{ id: document._id, before: document.wrapped, after, at: this.#ports.clock.now() }];
    });
  }

  async #write(changes: readonly Replacement[]): Promise<void> {
    const { tenants, emit } = this.#ports;
    if (changes.length > 0) await this.#confirm();
    const replaced = await tenants.replace(changes).catch(async (error: unknown) => {
      await this.#lookAfter(changes);
      throw error;
    });
    const done = this.#done;
    done.sure += replaced;
    if (replaced < changes.length) await this.#reread(changes, changes.length - replaced);
    emit({ type: 'advanced', phase: 'rewrap', done: done.sure, total: Math.max(this.#due, done.sure) });
  }

  /** A write that failed may have replaced some, or all. */
  async #lookAfter(changes: readonly Replacement[]): Promise<void> {
    const after = new Map<unknown, WrappedKey>(changes.map((change) => [change.id, change.after]));
    try {
      const there = await this.#ports.tenants.get(changes.map(({ id }) => id));
      this.#done.sure += there.filter((found) => {
        const wrapped = after.get(found['_id']);
        return wrapped !== undefined && isWrappedAs(found, wrapped);
      }).length;
    } catch {
      this.#done.perhaps += changes.length;
    }
  }

  /** Those that were overtaken must be gone or hold another wrapped key; the next pass sees what is in their place. */
  async #reread(changes: readonly Replacement[], missed: number): Promise<void> {
    const there = await this.#ports.tenants.get(changes.map(({ id }) => id));
    const before = new Map<unknown, WrappedKey>(changes.map((change) => [change.id, change.before]));
    const untouched = there.filter((found) => {
      const old = before.get(found['_id']);
      return old !== undefined && isWrappedAs(found, old);
    });
    this.overtaken += Math.max(0, missed - untouched.length);
  }

  async #confirm(): Promise<void> {
    const now = this.#ports.clock.now().getTime();
    if (now - this.#confirmed < CONFIRM_MS) return;
    await confirmActive(this.#access, this.#ports.store);
    this.#confirmed = now;
  }
}

function pace(count: number, begun: Date, clock: Clock): { readonly seconds: number; readonly rate: number } {
  const seconds = (clock.now().getTime() - begun.getTime()) / 1000;
  return { seconds, rate: seconds > 0 ? Math.round(count / seconds) : 0 };
}
