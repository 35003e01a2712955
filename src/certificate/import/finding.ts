export type ImportSeverity = 'error' | 'warning' | 'info';

interface Entry {
  readonly severity: ImportSeverity;
  /** True where `--allow CODE` makes a warning of it. */
  readonly allowable: boolean;
  /** What the reference says of it. */
  readonly docs: string;
}

const error = (docs: string): Entry => ({ severity: 'error', allowable: false, docs });

/** Every finding that the check of an imported certificate can make. The codes are stable. */
export const IMPORT_FINDINGS = {
  CERT_KEY_MISMATCH: error('The private key belongs to none of the certificates.'),
} as const satisfies Record<string, Entry>;

export type ImportFindingCode = keyof typeof IMPORT_FINDINGS;

/** Why a certificate cannot be taken, or what to think of; `subject` is a file, a certificate or a name. */
export interface ImportFinding {
  readonly code: ImportFindingCode;
  readonly severity: ImportSeverity;
  readonly subject: string;
  readonly message: string;
  readonly remedy: string;
}

export function importFinding(
  code: ImportFindingCode,
  subject: string,
  message: string,
  remedy: string,
): ImportFinding {
  return { code, severity: IMPORT_FINDINGS[code].severity, subject, message, remedy };
}
