import type { ObjectRef } from '../../ports/object-ref.ts';
import type { LeafFacts } from '../../reconcile/plan/compare/leaf-facts.ts';
import { BACKDATED_MS } from '../machine.ts';
import type { RotateRequest } from '../rotate-request.ts';

export interface Leaf extends LeafFacts {
  readonly ref: ObjectRef;
  readonly name: string;
}

/** The part of its life by which a renewal may come early, so that not all of a day's certificates change in one night. */
const JITTER = 0.05;

export interface LeafWish extends Pick<RotateRequest, 'due' | 'again'> {
  /** Seconds between the issue of a certificate and the next one. */
  readonly minInterval: number;
}

/** Those to issue anew. One that was issued a moment ago is left: the same command has done that, perhaps. */
export function leavesToReissue(leaves: readonly Leaf[], intent: LeafWish, now: Date): readonly Leaf[] {
  if (intent.due) return leaves.filter((leaf) => now >= dueAt(leaf) || isFromTheFuture(leaf, now));
  return leaves.filter((leaf) => intent.again || reissuableAt(leaf, intent.minInterval) <= now);
}

/** From when on a certificate is issued anew without `--again`; `minInterval` in seconds. */
export function reissuableAt({ notBefore }: Leaf, minInterval: number): Date {
  return new Date(notBefore.getTime() + BACKDATED_MS + minInterval * 1000);
}

/** True where a certificate was issued at that time or later. */
export function isIssuedSince({ notBefore }: Leaf, time: Date): boolean {
  return notBefore.getTime() + BACKDATED_MS >= time.getTime();
}

/** Issued by a clock that was ahead: nobody takes it before that time. */
export function isFromTheFuture({ notBefore }: Leaf, now: Date): boolean {
  return now < notBefore;
}

/** When a certificate is renewed by `--due`: at its renewal time, or somewhat earlier, each at another moment. */
export function dueAt({ fingerprint, notBefore, notAfter, rotateAfter }: Leaf): Date {
  // The digest of a certificate is as good as a random number, and the same whenever one looks.
  const draw = Number.parseInt(fingerprint.slice(7, 15), 16) / 0xffffffff;
  const early = (notAfter.getTime() - notBefore.getTime()) * JITTER * draw;
  return new Date(rotateAfter.getTime() - early);
}
