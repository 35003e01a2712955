import { DamagedError } from '../../errors.ts';
import type { RingVersion } from '../../ledger/ring.ts';

/**
 * The text of a mongod keyfile: one key as it is, two as a YAML sequence (MongoDB 4.2 and later, which takes no more than
 * two). A member accepts both, and shows the first one. In double quotes: a key that was taken in may have line breaks,
 * which mongod leaves out.
 */
export function encodeKeyfile(keys: readonly string[]): string {
  const [key = '', ...others] = keys;
  return others.length === 0 ? key : keys.map((each) => `- ${JSON.stringify(each)}\n`).join('');
}

/** The keys of a keyfile, byte for byte; members show the first one. Throws DamagedError. */
export function keysIn(keyfile: string): readonly [string, ...string[]] {
  if (!keyfile.startsWith('- ')) return [keyfile];
  try {
    const keys = keyfile
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line.slice(2)));
    const [first, ...others] = keys.map(String);
    if (typeof keys[0] === 'string' && first !== undefined && encodeKeyfile([first, ...others]) === keyfile)
      return [first, ...others];
  } catch {
    // What cannot be parsed is not quoted: it is a key.
  }
  throw new DamagedError('entry keyfile is no sequence of keys');
}

/**
 * The version whose key members must accept besides the active one's: the next one, or the one that was active before, whose
 * key those show that were not restarted since. One that was published before the active one is never promoted.
 */
export function secondOf<Version extends Pick<RingVersion, 'n' | 'state' | 'activeSince'>>(
  ring: readonly Version[],
): Version | undefined {
  const active = ring.find(({ state }) => state === 'active')?.n ?? 0;
  const published = ring.findLast(({ n, state }) => state === 'published' && n > active);
  const trusted = ring.filter(({ state }) => state === 'trusted');
  const last = trusted
    .map(({ activeSince = '' }) => activeSince)
    .sort()
    .at(-1);
  return published ?? trusted.findLast(({ activeSince = '' }) => activeSince === last);
}
