const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;
const PEOPLE = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const;

/** `<positive integer><s|m|h|d>`. */
export const DURATION = /^[1-9][0-9]*[smhd]$/;

/** The longest duration that a spec may hold, in seconds: 100 years, so that every date stays one that X.509 can hold. */
export const MAX_DURATION = 36_500 * SECONDS.d;

/** `365d` → seconds. Throws RangeError for text that is no duration; a checked spec holds none of these. */
export function parseDuration(text: string): number {
  if (!DURATION.test(text)) throw new RangeError('not a duration: <positive integer><s|m|h|d>');
  return Number(text.slice(0, -1)) * SECONDS[text.slice(-1) as keyof typeof SECONDS];
}

/** Seconds → `3 d`, `5 min`, `1 d 6 h`: the two largest units, rounded down, for people. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) throw new RangeError('a duration has zero or more seconds');
  const first = PEOPLE.findIndex(([, size]) => seconds >= size);
  if (first === -1) return '0 s';
  let rest = Math.floor(seconds);
  const parts: string[] = [];
  for (const [unit, size] of PEOPLE.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.join(' ');
}
