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
  // Reading
  EMPTY_FILE: error('A file holds nothing.'),
  NOT_A_CERTIFICATE: error('A file holds neither a certificate nor a private key; what it is instead is said.'),
  PEM_DAMAGED: error('A PEM block has lost its beginning or end, or what is in it is not base64.'),
  CONTAINER_DAMAGED: error('A PKCS#7 or PKCS#12 file, or an encrypted key, is cut off or damaged.'),
  CERT_UNPARSABLE: error('A certificate cannot be parsed.'),
  KEY_UNPARSABLE: error('A private key cannot be parsed.'),
  WRONG_PASSPHRASE: error('The passphrase does not open an encrypted key or a PKCS#12 file.'),
  UNSUPPORTED_CIPHER: error('A key or PKCS#12 file is encrypted in a way that is not supported, mostly for its age.'),
  PFX_MAC_INVALID: error('The passphrase opens the PKCS#12 file, but its integrity check fails: it was altered.'),
  KDF_TOO_EXPENSIVE: error('To try one passphrase would take too long.'),
  INPUT_TOO_LARGE: error('The files are larger than 1 MB.'),
  TOO_MANY_CERTIFICATES: error('The files hold more than 100 certificates.'),
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
