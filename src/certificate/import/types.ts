import type { KeyObject, X509Certificate } from 'node:crypto';
import type { ImportFinding } from './finding.ts';
import type { Repair } from './repair.ts';

/** One file as the user gave it; `name` is its path, `standard input`, or a made-up one. */
export interface InputFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface FoundCertificate {
  readonly x509: X509Certificate;
  readonly source: string;
}

export interface FoundKey {
  readonly key: KeyObject;
  readonly source: string;
}

export interface Reading {
  readonly certificates: readonly FoundCertificate[];
  readonly keys: readonly FoundKey[];
  readonly repairs: readonly Repair[];
  readonly findings: readonly ImportFinding[];
  /** Sources that are encrypted while no passphrase was given: ask, and read again. */
  readonly locked: readonly string[];
}

/** Whom the user trusts. Trust is never taken from the bundle by itself. */
export interface Anchors {
  /** `--ca`: certificates that are trusted as they are, self-signed or not. */
  readonly given: readonly FoundCertificate[];
  /** `--trust-root`: `SHA256:` and hex of the DER of a certificate that is in the bundle. */
  readonly pinned: readonly string[];
  /** Public roots, as PEM: Node's bundled ones, and the system's where that was asked for. */
  readonly roots: readonly string[];
}

export interface ImportRequest {
  readonly certificates: readonly FoundCertificate[];
  readonly keys: readonly FoundKey[];
  readonly anchors: Anchors;
  /** Names or IP addresses under which users reach the platform. All must be in the SAN. */
  readonly fqdn: readonly string[];
  readonly previousFqdn: readonly string[];
  /** Tenants log in at `<tenant>.<rootDomain>`. */
  readonly rootDomain: string | undefined;
  readonly replaced: X509Certificate | undefined;
  /** Codes of findings that the user accepts (`--allow`). */
  readonly allow: readonly string[];
  readonly now: Date;
}

/** Public facts of a certificate, for people and JSON. */
export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  readonly sans: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** For example `RSA-2048`, `P-256`. */
  readonly keyType: string;
  /** `SHA256:` and hex, of the DER. */
  readonly fingerprint: string;
}

/** The bytes for the Secret: canonical PEM, LF; the leaf first, then its intermediates, without the root. */
export interface ImportedPair {
  readonly certificate: Uint8Array;
  /** PKCS#8. */
  readonly key: Uint8Array;
}

export interface ImportDecision {
  readonly leaf: CertificateFacts | undefined;
  /** From the leaf to the anchor; empty where no path was found. */
  readonly chain: readonly CertificateFacts[];
  readonly repairs: readonly Repair[];
  readonly findings: readonly ImportFinding[];
  /** There where no finding is an error. */
  readonly pair: ImportedPair | undefined;
}
