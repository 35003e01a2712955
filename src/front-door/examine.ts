import { decideImport, isAllowable } from '../certificate/import/decide.ts';
import { type ImportFinding, importFinding } from '../certificate/import/finding.ts';
import { publicRoots } from '../certificate/import/path/roots.ts';
import { readFiles } from '../certificate/import/read.ts';
import type { FoundCertificate, FoundKey, ImportDecision, InputFile, Reading } from '../certificate/import/types.ts';

export type { InputFile };
export { isAllowable };

export interface UnreadableFile {
  readonly name: string;
  readonly why: 'folder' | 'denied';
}

export interface ImportInput {
  /** Certificate, chain and key, in whatever files. */
  readonly files: readonly InputFile[];
  /** Certificates that are to be trusted. */
  readonly ca: readonly InputFile[];
  readonly unreadable: readonly UnreadableFile[];
  /** Names of the files that were given as private keys. */
  readonly keyFiles: readonly string[];
  readonly passphrase: string | undefined;
  readonly pinned: readonly string[];
  readonly systemRoots: boolean;
  readonly fqdn: readonly string[];
  readonly previousFqdn: readonly string[];
  readonly allow: readonly string[];
  /** Sources of the certificate and the key that were chosen among several. */
  readonly chosen: { readonly leaf: string | undefined; readonly key: string | undefined };
}

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
  const faults = [...input.unreadable.map(unreadable), ...swapped(reading, input.keyFiles)];
  return { decision: withReading(decision, faults, [reading, trusted]), locked, candidates };
}

function unreadable({ name, why }: UnreadableFile): ImportFinding {
  return why === 'folder'
    ? importFinding('FILE_UNREADABLE', name, 'It is a folder, not a file.', 'Name the file in it.')
    : importFinding('FILE_UNREADABLE', name, 'It may not be read.', 'Check who you are and its permissions.');
}

/** What the files are is read from what they hold, but who took one for the other may have taken a wrong one. */
function swapped({ certificates, keys }: Reading, keyFiles: readonly string[]): readonly ImportFinding[] {
  const inKeyFile = ({ source }: { source: string }): boolean =>
    keyFiles.some((name) => source.startsWith(`${name}, `));
  const [certificate, key] = [certificates[0], keys[0]];
  if (certificate === undefined || key === undefined) return [];
  if (!certificates.every(inKeyFile) || keys.some(inKeyFile)) return [];
  return [
    importFinding(
      'FILES_SWAPPED',
      certificate.source,
      `It was given as the private key and is a certificate; ${key.source}, was given as the certificate.`,
      'Swap the files of --cert and --key, and look whether they are the right ones.',
    ),
  ];
}

/** Of the keys that wait for a certificate, the one for which this is. */
function fitting(keys: readonly FoundKey[], certificates: readonly FoundCertificate[]): readonly FoundKey[] {
  return keys.filter(({ key }) => certificates.some(({ x509 }) => x509.checkPrivateKey(key)));
}

/** What a file lacks explains the rest: that there is no certificate is not said of a file that could not be read. */
function withReading(
  decision: ImportDecision,
  faults: readonly ImportFinding[],
  readings: readonly Reading[],
): ImportDecision {
  const found = [...faults, ...readings.flatMap(({ findings }) => findings)];
  const unread = found.some(({ severity }) => severity === 'error') || readings.some(({ locked }) => locked.length > 0);
  const follows = ({ code }: ImportFinding): boolean => unread && ['NO_CERTIFICATE', 'KEY_MISSING'].includes(code);
  const findings = [...found, ...decision.findings.filter((finding) => !follows(finding))];
  const repairs = [...readings.flatMap(({ repairs: each }) => each), ...decision.repairs];
  return { ...decision, repairs, findings, pair: unread ? undefined : decision.pair };
}
