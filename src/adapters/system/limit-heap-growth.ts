import { setFlagsFromString } from 'node:v8';

/**
 * Asks V8 to collect garbage early rather than to take more memory, for runs that read thousands of Secrets or documents.
 * Left alone, its space for new objects grows to 128 MiB while batches of them outlive a collection, and the rest to
 * several times of what is in use: more than the limit of many a Pod. V8 reads the flag whenever it would grow; the limits
 * themselves (--max-semi-space-size) are read at the start alone, before any of our code runs.
 */
export function limitHeapGrowth(): void {
  setFlagsFromString('--optimize-for-size');
}
