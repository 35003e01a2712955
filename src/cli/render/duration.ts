const UNITS: readonly (readonly [string, number])[] = [
  ['y', 365 * 86_400],
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
];

/** `9.9 y`, `41 d`, `5 h`, `2 min`, `0 min`: the largest unit that fits twice, rounded down; years to a tenth. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [unit, size] = UNITS.find(([, length]) => seconds >= 2 * length) ?? (['min', 60] as const);
  const count = seconds / size;
  return `${unit === 'y' ? Math.floor(count * 10) / 10 : Math.floor(count)} ${unit}`;
}

export function lifeBar(from: Date, to: Date, now: Date, width = 4): string {
  const part = (now.getTime() - from.getTime()) / Math.max(1, to.getTime() - from.getTime());
  const filled = Math.round(width * Math.min(1, Math.max(0, part)));
  return `[${'='.repeat(filled)}${'-'.repeat(width - filled)}]`;
}

/** RFC 3339, to the second. */
export function formatTime(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
