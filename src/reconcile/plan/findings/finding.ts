export type Severity = 'error' | 'warning' | 'info';

/** Something a person should know; `subject` is an object or a kind. The codes are stable. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  readonly subject: string;
  readonly message: string;
  readonly remedy: string;
}

/** Every finding that the program can make. `docs` is what the reference says of it. */
export const FINDINGS = {
  ROOT_KEY_NOT_BACKED_UP: { severity: 'warning', docs: 'No backup holds the active root key.' },
  BACKUP_OUTDATED: { severity: 'warning', docs: 'No backup holds a version that is active or trusted.' },
  ESCROW_UNKNOWN: {
    severity: 'warning',
    docs: 'The file of --escrow-file is there, and nothing tells whether it holds the keys of this installation.',
  },
  BACKUP_OLD: { severity: 'warning', docs: 'The newest backup is older than 90 days.' },
  TENANT_KEY_BELOW_112_BITS: { severity: 'warning', docs: 'Tenant keys are shorter than NIST SP 800-131A allows.' },
  SPEC_DEFAULT_CHANGED: {
    severity: 'info',
    docs: 'A default of this build differs from the value that the installation keeps; `init --dry-run` alone tells.',
  },
  ROTATION_NEEDED: { severity: 'warning', docs: 'The spec asks for something that only a rotation can bring.' },
  INSTALLATION_INCOMPLETE: { severity: 'warning', docs: 'A run was interrupted, or another one is at work.' },
  RECORD_LOST: { severity: 'error', docs: 'The record is gone; it can be rebuilt.' },
  RECORD_DAMAGED: { severity: 'error', docs: 'The record cannot be read; it can be rebuilt.' },
  RECORD_TOO_NEW: {
    severity: 'error',
    docs: 'A newer palette-keys wrote the record: this one reads and changes nothing of it.',
  },
  RECORD_OUTDATED: { severity: 'info', docs: 'An older palette-keys wrote the record; `init` migrates it.' },
  RECORD_NOT_REBUILDABLE: {
    severity: 'error',
    docs: 'The record is gone, and ledger and projections do not tell the states.',
  },
  LEDGER_LOST: {
    severity: 'error',
    docs: 'Objects of an installation are there, but the ledger with their keys is not.',
  },
  LEDGER_ENTRY_LOST: { severity: 'error', docs: 'A ledger entry is gone.' },
  LEDGER_ENTRY_DAMAGED: { severity: 'error', docs: 'A ledger entry cannot be read, or contradicts its kid.' },
  LEDGER_ENTRY_UNEXPECTED: { severity: 'error', docs: 'A ledger entry holds another key than the record says.' },
  LEDGER_ENTRY_UNRECORDED: { severity: 'warning', docs: 'The record does not know a version that is in the ledger.' },
  LEDGER_ENTRY_DESTROYED: {
    severity: 'warning',
    docs: 'The record calls a version destroyed, but its entry is in the ledger: it came out of a backup, or could not be deleted.',
  },
  LEFTOVER: {
    severity: 'warning',
    docs: 'A temp file of an earlier run, or a copy of a key, lies in the store. An error where it seems to hold the key of a destroyed version.',
  },
  PROJECTION_MISSING: { severity: 'error', docs: 'An object that workloads mount is not there.' },
  PROJECTION_DAMAGED: { severity: 'error', docs: 'An object that workloads mount is damaged.' },
  PROJECTION_OUTDATED: {
    severity: 'warning',
    docs: 'An object that workloads mount is not what record and spec ask for.',
  },
  SAN_DRIFT: { severity: 'warning', docs: 'A certificate does not have the names that the spec asks for.' },
  FOREIGN_EDIT: { severity: 'error', docs: 'Well-formed key material that no ledger entry explains.' },
  NOT_OURS: { severity: 'error', docs: 'An object of that name is there, but palette-keys did not write it.' },
  CERTIFICATE_EXPIRED: { severity: 'error', docs: 'A certificate has expired.' },
  CERTIFICATE_RENEWAL_DUE: {
    severity: 'warning',
    docs: 'A certificate is past the part of its life after which it is renewed.',
  },
  CA_EXPIRED: { severity: 'error', docs: 'A CA has expired: everything that it issued has too.' },
  CA_RENEWAL_DUE: { severity: 'warning', docs: 'A CA is near its end: soon it cuts the life of what it issues short.' },
  CLOCK_BEFORE_NOT_BEFORE: { severity: 'error', docs: 'A certificate is not valid yet: the clock is wrong, or was.' },
  CLOCK_BEHIND_RECORD: {
    severity: 'error',
    docs: 'The record holds a time that is later than the clock: the clock is wrong, or was. Commands that date something refuse to run.',
  },
  TENANT_MALFORMED: { severity: 'error', docs: "A tenant's document in the database is not of the documented form." },
  TENANT_KID_UNKNOWN: {
    severity: 'error',
    docs: 'A tenant key is wrapped by a root key that the record does not know: an older installation was restored, perhaps.',
  },
  TENANT_KID_RETIRED: {
    severity: 'error',
    docs: 'A tenant key is wrapped by a retired root key: an older dump of the database was restored, perhaps.',
  },
  TENANT_KID_DESTROYED: {
    severity: 'error',
    docs: 'A tenant key is wrapped by a destroyed root key, which only a backup of the keys can bring back.',
  },
  TENANT_KEYS_UNSEEN: {
    severity: 'info',
    docs: 'The database of the tenant keys is named in the spec, but could not be asked.',
  },
  TENANT_KEY_UNOPENABLE: { severity: 'error', docs: 'A tenant key cannot be opened with the root key that it names.' },
  AUDIT_DAMAGED: { severity: 'error', docs: 'The audit log cannot be read, or its chain is broken.' },
  AUDIT_CHAIN_BROKEN: {
    severity: 'error',
    docs: 'The audit log is shorter than the record knows it, or another one: lines were cut or altered, or it is gone.',
  },
  AUDIT_AHEAD: {
    severity: 'info',
    docs: 'The audit log is longer than the record knows it, by sound lines: a run was interrupted between the two writes.',
  },
  AUDIT_MISSING: { severity: 'warning', docs: 'The audit log of a complete installation is gone.' },
} as const satisfies Record<string, { readonly severity: Severity; readonly docs: string }>;

export type FindingCode = keyof typeof FINDINGS;

export function finding(code: FindingCode, subject: string, message: string, remedy: string): Finding {
  return { code, severity: FINDINGS[code].severity, subject, message, remedy };
}
