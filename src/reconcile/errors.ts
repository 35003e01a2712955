/** Another writer changed the store: what was read has to be read again. Never leaves src/reconcile and its callers. */
export class StoreChangedError extends Error {
  override readonly name = 'StoreChangedError';
}
