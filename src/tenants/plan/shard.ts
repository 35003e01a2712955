import { sha256Hex } from '../../crypto/digest.ts';
import { utf8 } from '../../ledger/text.ts';

/** Part `index` (from 0) of `count`. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

const MAX_SHARDS = 1024;

/** `i/n` with i from 0 to n - 1, or undefined for anything else. */
export function parseShard(text: string): Shard | undefined {
  const [, index = '', count = ''] = /^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  return count !== '' && shard.index < shard.count && shard.count <= MAX_SHARDS ? shard : undefined;
}

/** True where the tenant is in that part: the first 4 bytes of SHA-256 of its id, big-endian, modulo the count. */
export function isInShard(id: string, { index, count }: Shard): boolean {
  return count === 1 || Number.parseInt(sha256Hex(utf8(id)).slice(0, 8), 16) % count === index;
}
