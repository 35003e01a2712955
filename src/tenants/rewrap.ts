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
  emit({ type: 'started', phase: 'rewrap', total: preview.due });
  const job: Job = { access, shard, due: preview.due, ports, done, confirm: confirming(access, ports) };
  let pass: Pass = { found: 0, overtaken: 0, failures: [] };
  for (let n = 0; n < PASSES; n++) {
    await confirmActive(access, ports.store);
    const { overtaken } = pass;
    pass = await rewrapOnce(job);
    pass = { ...pass, overtaken: overtaken + pass.overtaken };
    if (pass.found === 0) break;
  }
  emit({ type: 'finished', phase: 'rewrap' });
  const { overtaken, failures, found: remaining } = pass;
  const rewrapped = done.sure;
  return { ...preview, rewrapped, overtaken, remaining, failures, ...pace(rewrapped, begun, clock) };
}

interface Job {
  readonly access: TenantAccess;
  readonly shard: Shard;
  readonly due: number;
  readonly ports: RewrapPorts;
  readonly done: Rewrapped;
  confirm(): Promise<void>;
}

/** What came of going once through all documents of the shard under old kids. */
interface Pass {
  readonly found: number;
  readonly overtaken: number;
  readonly failures: readonly TenantFailure[];
}

async function rewrapOnce(job: Job): Promise<Pass> {
  const { access, shard, ports } = job;
  const oldKids = [...access.keyring.wrapKeys.keys()].filter((kid) => kid !== access.activeKid);
  if (oldKids.length === 0) return { found: 0, overtaken: 0, failures: [] };
  const failures: TenantFailure[] = [];
  const failed: unknown[] = [];
  const underWay = new Set<Promise<void>>();
  let [found, overtaken] = [0, 0];
  try {
    for await (const batch of ports.tenants.scan(oldKids)) {
      ports.signal.throwIfAborted();
      if (failed.length > 0) break;
      const ours = batch.filter(({ _id }) => typeof _id === 'string' && isInShard(_id, shard));
      found += ours.length;
      const writing = write(wrapAgain(ours, failures, job), job)
        .then((missed) => {
          overtaken += missed;
        })
        .catch((error: unknown) => void failed.push(error))
        .finally(() => underWay.delete(writing));
      underWay.add(writing);
      if (underWay.size >= IN_FLIGHT) await Promise.race(underWay);
    }
  } finally {
    await Promise.all(underWay);
  }
  if (failed.length > 0) throw failed[0];
  return { found, overtaken, failures };
}

/** What replaces the wrapped keys of a batch; what does not open is added to `failures`. */
function wrapAgain(
  batch: readonly FoundTenant[],
  failures: TenantFailure[],
  { access: { keyring, activeKid }, ports: { random, clock } }: Job,
): readonly Replacement[] {
  const wrapKey = keyring.wrapKeys.get(activeKid);
  if (wrapKey === undefined) throw new Error('the keyring lacks the active root key');
  return batch.flatMap((found): readonly Replacement[] => {
    const examined = examineTenant(found, keyring);
    if (examined.failure !== undefined) {
      failures.push(examined.failure);
      return [];
    }
    const { document, key } = examined;
    if (document.wrapped.kid === activeKid) return [];
    const after = wrapTenantKey(document, key, { kid: activeKid, wrapKey, iv: random.bytes(12) });
    const opened = unwrapTenantKey(document, after, wrapKey);
    const same = equalBytes(opened, key);
    key.fill(0);
    opened.fill(0);
    if (!same) throw new Error('a tenant key wrapped anew opens to another');
    return [{ id: document._id, before: document.wrapped, after, at: clock.now() }];
  });
}

/** Returns how many others were quicker with. */
async function write(changes: readonly Replacement[], { ports, done, due, confirm }: Job): Promise<number> {
  const { tenants, emit } = ports;
  if (changes.length > 0) await confirm();
  const replaced = await tenants.replace(changes).catch(async (error: unknown) => {
    await lookAfter(changes, tenants, done);
    throw error;
  });
  done.sure += replaced;
  const missed = replaced < changes.length ? await overtakenOf(changes, changes.length - replaced, tenants) : 0;
  emit({ type: 'advanced', phase: 'rewrap', done: done.sure, total: Math.max(due, done.sure) });
  return missed;
}

/** A write that failed may have replaced some, or all. */
async function lookAfter(changes: readonly Replacement[], tenants: TenantStore, done: Rewrapped): Promise<void> {
  const after = new Map<unknown, WrappedKey>(changes.map((change) => [change.id, change.after]));
  try {
    const there = await tenants.get(changes.map(({ id }) => id));
    done.sure += there.filter((found) => {
      const wrapped = after.get(found['_id']);
      return wrapped !== undefined && isWrappedAs(found, wrapped);
    }).length;
  } catch {
    done.perhaps += changes.length;
  }
}

/** Those that were overtaken must be gone or hold another wrapped key; the next pass sees what is in their place. */
async function overtakenOf(changes: readonly Replacement[], missed: number, tenants: TenantStore): Promise<number> {
  const there = await tenants.get(changes.map(({ id }) => id));
  const before = new Map<unknown, WrappedKey>(changes.map((change) => [change.id, change.before]));
  const untouched = there.filter((found) => {
    const old = before.get(found['_id']);
    return old !== undefined && isWrappedAs(found, old);
  });
  return Math.max(0, missed - untouched.length);
}

/** Looks at the record, but not more often than once a second. */
function confirming(access: TenantAccess, { clock, store }: RewrapPorts): () => Promise<void> {
  let confirmed = clock.now().getTime();
  return async () => {
    const now = clock.now().getTime();
    if (now - confirmed < CONFIRM_MS) return;
    await confirmActive(access, store);
    confirmed = now;
  };
}

function pace(count: number, begun: Date, clock: Clock): { readonly seconds: number; readonly rate: number } {
  const seconds = (clock.now().getTime() - begun.getTime()) / 1000;
  return { seconds, rate: seconds > 0 ? Math.round(count / seconds) : 0 };
}
