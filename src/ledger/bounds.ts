/**
 * What numbers and lists that are read from outside may come to: far more than happens, and far from where arithmetic ends.
 * One more than 2^53 - 1 is no other number, and what counts on from there damages its record.
 */
export const MOST = {
  /** Number of a version, and of a change of the record: 12 digits, as the generation of a projection has. */
  number: 999_999_999_999,
  /** Versions of one kind: the record of all has to fit into 1 MiB. */
  versions: 10_000,
  /** Changes of state that one version remembers. */
  history: 10_000,
  backups: 1000,
  recipients: 1000,
  /** Characters of the name of a file, or of a recipient. */
  text: 8192,
} as const;

/** The same for a backup: an installation has to be able to count on from it. */
export const MOST_IN_BACKUP = {
  generation: 100_000_000_000,
  n: 1_000_000,
  items: 50_000,
  /** Bytes of one entry: an object of Kubernetes holds 1 MiB. */
  entry: 1_048_576,
} as const;
