// Random values become numbered placeholders, in the order in which they appear: KID1, KID2 and so on. Two builds that
// do the same then say the same, and a build that mixes two keys up does not.

const LENGTH_OF_SHORT_DIGEST = 12;

/** What is random, and what two builds may differ in. Times do not change: both builds run with the same clock. */
const RANDOM = [
  ['PEM', /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g],
  ['UUID', /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g],
  ['DIGEST', /\b[0-9a-f]{64}\b|\b[0-9a-f]{12}(?=…)/g],
  ['KEYID', /\b[0-9a-f]{40}\b/g],
  ['SERIAL', /(?<=serialNumber=)[0-9a-f]+/g],
  ['NKEY', /\b[A-Z][A-Z2-7]{55}\b/g],
  ['KID', /\b[a-z2-7]{16}\b/g],
  ['PID', /(?<=\b(?:process|ps -p) )\d+\b/g],
];

/** A function that replaces random values; all texts of one scenario and one build go through the same one. */
export function placeholders(versions) {
  const known = new Map();
  const counts = new Map();
  const nameOf = (kind, value) => {
    const key = `${kind} ${kind === 'DIGEST' ? value.slice(0, LENGTH_OF_SHORT_DIGEST) : value}`;
    if (!known.has(key)) {
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      known.set(key, `${kind}${counts.get(kind)}`);
    }
    return known.get(key);
  };
  const isVersion = new RegExp(`(?<![\\w.])(?:${versions.map(RegExp.escape).join('|')})(?![\\w.])`, 'g');
  return (text) =>
    RANDOM.reduce(
      (result, [kind, pattern]) => result.replaceAll(pattern, (value) => nameOf(kind, value)),
      text.replaceAll(isVersion, 'VERSION'),
    );
}
