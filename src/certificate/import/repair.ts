/** Every repair of mechanical faults. The codes are stable; the value is what the reference says of it. */
export const REPAIRS = {
  WRONG_ORDER: 'The certificates were not in the order leaf, issuer, its issuer.',
  DUPLICATE_DROPPED: 'A certificate was there more than once.',
  STRAY_DROPPED: 'A certificate does not belong to the chain.',
  ROOT_DROPPED: 'The root was included; clients have it, servers do not send it.',
  ISSUER_ADDED: 'An intermediate was missing in the chain and was among the trusted certificates.',
  LINE_ENDS: 'Line ends were not LF.',
} as const satisfies Record<string, string>;

export type RepairCode = keyof typeof REPAIRS;

/** Something mechanical that was put right, in words that can be forwarded. */
export interface Repair {
  readonly code: RepairCode;
  readonly message: string;
}
