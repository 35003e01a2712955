/** The store moved while we looked away; what was read has to be read again. Never leaves src/apply. */
export class StoreChangedError extends Error {
  override readonly name = 'Moved';
}
