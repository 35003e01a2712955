import { decideImport, isAllowable } from '../../certificate/import/decide.ts';
import type { ImportFinding } from '../../certificate/import/finding.ts';
import { readFiles } from '../../certificate/import/read.ts';
import { publicRoots } from '../../certificate/import/roots.ts';
import type { FoundCertificate, FoundKey, ImportDecision, InputFile, Reading } from '../../certificate/import/types.ts';

export { isAllowable };

/** What the user gave. */
export interface ImportInput {
  /** Certificate, chain and key, in whatever files. */
  readonly files: readonly InputFile[];
  /** Certificates that are to be trusted. */
  readonly ca: readonly InputFile[];
  readonly passphrase: string | undefined;
  readonly pinned: readonly string[];
  readonly systemRoots: boolean;
  readonly fqdn: readonly string[];
  readonly previousFqdn: readonly string[];
  readonly allow: readonly string[];
  /** Sources of the certificate and the key that were chosen among several. */
  readonly chosen: { readonly leaf: string | undefined; readonly key: string | undefined };
}

/** What the store adds to it. */
export interface StoredInput {
  readonly rootDomain: string | undefined;
  /** Keys that `csr` made. */
  readonly keys: readonly FoundKey[];
  readonly replaced: FoundCertificate['x509'] | undefined;
}

export interface Examination {
  readonly decision: ImportDecision;
  /** Sources that are encrypted while no passphrase was given. */
  readonly locked: readonly string[];
  /** What one can choose from where there are several. */
  readonly candidates: { readonly leaves: readonly FoundCertificate[]; readonly keys: readonly FoundKey[] };
}

/** Reads and judges, without any store. Writes nothing; never throws on what the files hold. */
export async function examine(input: ImportInput, stored: StoredInput, now: Date): Promise<Examination> {
  const reading = await readFiles(input.files, input.passphrase);
  const trusted = await readFiles(input.ca, undefined);
  const keys = reading.keys.length > 0 ? reading.keys : fitting(stored.keys, reading.certificates);
  const leaves = reading.certificates.filter(({ x509 }) => !x509.ca);
  const candidates = { leaves, keys: reading.keys };
  const { locked } = reading;
  const decision = await decideImport({
    certificates: reading.certificates.filter(
      ({ x509, source }) => x509.ca || [undefined, source].includes(input.chosen.leaf),
    ),
    keys: keys.filter(({ source }) => [undefined, source].includes(input.chosen.key)),
    anchors: { given: trusted.certificates, pinned: input.pinned, roots: publicRoots(input.systemRoots) },
    fqdn: input.fqdn,
    previousFqdn: input.previousFqdn,
    rootDomain: stored.rootDomain,
    replaced: stored.replaced,
    allow: input.allow,
    now,
  });
  return { decision: withReading(decision, [reading, trusted]), locked, candidates };
}

/** Of the keys that wait for a certificate, the one for which this is. */
function fitting(keys: readonly FoundKey[], certificates: readonly FoundCertificate[]): readonly FoundKey[] {
  return keys.filter(({ key }) => certificates.some(({ x509 }) => x509.checkPrivateKey(key)));
}

/** What a file lacks explains the rest: that there is no certificate is not said of a file that could not be read. */
function withReading(decision: ImportDecision, readings: readonly Reading[]): ImportDecision {
  const found = readings.flatMap(({ findings }) => findings);
  const unread = found.some(({ severity }) => severity === 'error') || readings.some(({ locked }) => locked.length > 0);
  const follows = ({ code }: ImportFinding): boolean => unread && ['NO_CERTIFICATE', 'KEY_MISSING'].includes(code);
  const findings = [...found, ...decision.findings.filter((finding) => !follows(finding))];
  const repairs = [...readings.flatMap(({ repairs: each }) => each), ...decision.repairs];
  return { ...decision, repairs, findings, pair: unread ? undefined : decision.pair };
}
