/** Counts of the platform's own records, which the tool never changes: a port with one adapter (MongoDB). */

export interface FieldCounts {
  /** By the value, of those that were asked for; what no record has is not in it. */
  readonly byValue: ReadonlyMap<string, number>;
  /** Any other string. */
  readonly others: number;
  /** Missing, null, or no string. */
  readonly without: number;
}

/**
 * The contract: one pass over all records, with read concern `majority` from the primary, so that a record that changes
 * meanwhile is counted once, as it was or as it is; constant memory; failures throw PaletteKeysError, without values.
 */
export interface Census {
  /** For people: hosts, database and collection; no credentials. */
  readonly location: string;

  /** `field` may lead into nested documents, by dots. */
  count(field: string, values: readonly string[]): Promise<FieldCounts>;

  close(): Promise<void>;
}
