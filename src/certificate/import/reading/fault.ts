import type { ImportFindingCode } from '../finding.ts';

/** Why one file, block or container cannot be read; it becomes a finding, and the rest is read on. */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly code: ImportFindingCode;
  readonly remedy: string;

  constructor(code: ImportFindingCode, message: string, remedy: string) {
    super(message);
    this.code = code;
    this.remedy = remedy;
  }
}
