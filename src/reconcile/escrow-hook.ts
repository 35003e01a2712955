import type { LedgerEntry } from '../ledger/entry.ts';
import type { Comparison } from './plan/compare/compare.ts';
import type { Finding } from './plan/findings/finding.ts';
import type { ApplyPorts } from './ports.ts';
import type { WrittenRecord } from './write/record.ts';

/** A backup of the first keys that a run makes before the store holds any of them. The caller of the run brings it. */
export interface EscrowHook {
  /** Looks at what there is of it, and writes nothing. Throws where it cannot be made, or its file is another one. */
  look(found: Comparison): Promise<EscrowTask>;
}

export interface EscrowTask {
  readonly findings: readonly Finding[];
  /** True where a run has to finish it even if nothing else changes. */
  readonly isDue: boolean;
  /** Called before the first write of the ledger. */
  beforeFirstWrite(first: FirstKeys, ports: ApplyPorts): Promise<StagedEscrow>;
}

export interface FirstKeys {
  readonly installationId: string;
  /** Makes the entries that are still to be written. */
  entries(): Promise<readonly LedgerEntry[]>;
}

export interface StagedEscrow {
  /** What the first root key says of it. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Called between the record and the projections: until then nothing is encrypted with these keys. */
  finish(written: WrittenRecord): Promise<WrittenRecord>;
}
