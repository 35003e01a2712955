export type ImportSeverity = 'error' | 'warning' | 'info';

interface Entry {
  readonly severity: ImportSeverity;
  /** True where `--allow CODE` makes a warning of it. */
  readonly allowable: boolean;
  readonly docs: string;
}

const error = (docs: string): Entry => ({ severity: 'error', allowable: false, docs });
const allowable = (docs: string): Entry => ({ severity: 'error', allowable: true, docs });
const warning = (docs: string): Entry => ({ severity: 'warning', allowable: false, docs });

/** Every finding that the check of an imported certificate can make. The codes are stable. */
export const IMPORT_FINDINGS = {
  CERT_KEY_MISMATCH: error('The private key belongs to none of the certificates.'),
  KEY_MISSING: error('No private key was given.'),
  KEY_DAMAGED: error('The halves of the private key do not fit each other.'),
  SEVERAL_KEYS: error('There are several private keys.'),
  SEVERAL_LEAVES: error('Several certificates could be the one of the server.'),
  NO_CERTIFICATE: error('There is no certificate.'),
  CERTIFICATE_DAMAGED: error('A certificate is laid out as no certificate should be.'),
  EXTENSION_DAMAGED: error('An extension of a certificate cannot be read, or occurs twice.'),
  CERT_EXPIRED: error('A certificate of the chain has expired; it is named.'),
  CERT_NOT_YET_VALID: error('A certificate of the chain is not valid yet; it is named.'),
  SAN_MISMATCH: error('The subjectAltName does not cover a name under which users reach the platform.'),
  MISSING_INTERMEDIATE: error('The issuer of a certificate is neither in the input nor trusted.'),
  ISSUER_UNFIT: error(
    'A certificate has the name of an issuer, but it did not, or must not, sign what it should have.',
  ),
  UNTRUSTED_ROOT: error('The chain is complete, but nobody said that its root is to be trusted.'),
  TRUST_ROOT_ABSENT: error('No certificate of the input has the fingerprint that is to be trusted.'),
  SELF_SIGNED_LEAF: allowable('The certificate is signed by its own key; no browser trusts it by itself.'),
  WEAK_KEY: error('A key is too short, or of a kind that clients do not take.'),
  WEAK_SIGNATURE: error('A certificate is signed with SHA-1 or MD5.'),
  ED25519_KEY: allowable('A key is Ed25519, which browsers do not take.'),
  P521_KEY: allowable('The key is on the curve P-521, which browsers do not take.'),
  MUST_STAPLE: allowable('The certificate demands a stapled OCSP response, which ingress-nginx does not send.'),
  NEGATIVE_SERIAL: error('A serial number is negative; Go refuses such certificates.'),
  EKU_WITHOUT_SERVER_AUTH: error('The extended key usage of a certificate leaves serverAuth out.'),
  NO_DIGITAL_SIGNATURE: error('The key usage leaves digitalSignature out, which TLS 1.3 needs.'),
  KEY_CERT_SIGN_WITHOUT_CA: error('The key usage allows to sign certificates, but the certificate is no CA.'),
  CA_AS_LEAF: error('The certificate of the server is a CA.'),
  ISSUER_NOT_CA: error('A certificate issued another one, but is no CA.'),
  PATH_LENGTH_EXCEEDED: error('More CAs follow upon a CA than it allows.'),
  NAME_CONSTRAINTS_VIOLATED: error('A name is outside of what a CA of the chain may issue for.'),
  UNKNOWN_CRITICAL_EXTENSION: error('A certificate has a critical extension that clients do not know.'),
  PROFILE_VIOLATION: allowable('A certificate breaks a rule of RFC 5280 that some clients enforce.'),
  TOO_MANY_CERTIFICATES: error('There are more than 100 certificates.'),
  TOO_MANY_NAMES: error('A certificate has more than 1,000 names or name constraints.'),
  CHAIN_TOO_DEEP: error('The chain has more than 10 certificates.'),
  SEARCH_EXHAUSTED: error('No chain was found within 2,000 checks of signatures.'),
  PAIR_TOO_LARGE: error('Certificate and key together are over 60 KB.'),
  CERT_MANAGER_OWNED: allowable(
    'cert-manager keeps the Secret, and would write its own certificate over the imported one.',
  ),
  PROOF_FAILED: error('A TLS handshake with the certificate and key failed, and no rule explains why.'),
  NO_EKU: warning('The certificate has no extended key usage.'),
  LONG_VALIDITY: warning('The certificate is valid for longer than browsers accept.'),
  EXPIRES_SOON: warning('Less than 30 days or a third of its life are left to a certificate.'),
  PREVIOUS_FQDN_MISSING: warning('The previous address is not covered.'),
  NAMES_LOST: warning('The certificate to replace covers names that the new one does not.'),
  TENANT_NAMES_MISSING: warning('The addresses of the tenants are not covered.'),
  OTHER_PATH_EXPIRES: warning('Another chain that a client may choose has expired or does so first.'),
  PROFILE_DEVIATION: warning('A certificate is unusual; clients that are known to us take it.'),
  // Reading
  FILE_UNREADABLE: error('A file is a folder, or may not be read.'),
  FILES_SWAPPED: error('--cert holds a private key, and --key a certificate.'),
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
