import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 collect garbage early rather than take several times the memory in use, more than the limit of many a Pod. The
 * flag is read whenever V8 would grow; the limits themselves at the start alone.
 */
export function limitHeapGrowth(): void {
  setFlagsFromString('--optimize-for-size');
}
