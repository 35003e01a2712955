/** Two serve for rotations to and fro; the rest is for versions that were brought back in between. */
const SUFFIXES = ['', '-b', '-c', '-d', '-e', '-f', '-g', '-h'];

/** A name for the next user: the spec's, or that with a letter, whichever no version in use has. */
export function freeUsername(username: string, taken: readonly string[]): string {
  const free = SUFFIXES.map((suffix) => `${username}${suffix}`).find((name) => !taken.includes(name));
  if (free === undefined) throw new Error('as many versions of mongodb-auth in use as there are names');
  return free;
}

/** True for a name that a rotation may have given to the user of the spec. */
export function isNameOf(username: string, name: string): boolean {
  return SUFFIXES.some((suffix) => name === `${username}${suffix}`);
}
