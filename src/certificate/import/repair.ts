/** Every repair of mechanical faults. The codes are stable; the value is what the reference says of it. */
export const REPAIRS = {
  LINE_ENDS: 'Line ends were not LF.',
} as const satisfies Record<string, string>;

export type RepairCode = keyof typeof REPAIRS;

/** Something mechanical that was put right, in words that can be forwarded. */
export interface Repair {
  readonly code: RepairCode;
  readonly message: string;
}
