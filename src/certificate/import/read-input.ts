import { type ImportFinding, importFinding } from './finding.ts';
import { describe, type Link, readLink } from './path/link.ts';
import { normalizePin, readTrust, type Trust } from './path/trust.ts';
import type { FoundCertificate, ImportRequest } from './types.ts';

/** The certificates of the request as links, duplicates kept. */
export interface Input {
  readonly links: readonly Link[];
  /** Undefined where nothing can be judged: `findings` says why. */
  readonly trust: Trust | undefined;
  readonly findings: readonly ImportFinding[];
}

const MAX_CERTIFICATES = 100;
const MAX_NAMES = 1000;

export function readInput({ certificates, anchors }: ImportRequest): Input {
  const count = certificates.length;
  if (count > MAX_CERTIFICATES) return { links: [], trust: undefined, findings: [tooMany(count)] };
  const bundle = readAll(certificates);
  const given = readAll(anchors.given);
  const pins = anchors.pinned.map(normalizePin);
  const present = new Set(bundle.links.map(({ fingerprint }) => fingerprint));
  const crowded = [...bundle.links, ...given.links].filter((link) => namesIn(link) > MAX_NAMES);
  const findings = [
    ...(count === 0 ? [noCertificate()] : []),
    ...bundle.damaged,
    ...given.damaged,
    ...pins.filter((pin) => !present.has(pin)).map(absentPin),
    ...crowded.map(tooManyNames),
  ];
  if (bundle.links.length === 0 || crowded.length > 0) return { links: bundle.links, trust: undefined, findings };
  const pinned = pins.filter((pin) => present.has(pin));
  return { links: bundle.links, trust: readTrust(given.links, pinned, anchors.roots), findings };
}

function readAll(certificates: readonly FoundCertificate[]) {
  const links: Link[] = [];
  const damaged: ImportFinding[] = [];
  for (const found of certificates) {
    try {
      links.push(readLink(found));
    } catch {
      damaged.push(damagedCertificate(found));
    }
  }
  return { links, damaged };
}

function damagedCertificate({ source }: FoundCertificate): ImportFinding {
  const message = 'The certificate is not laid out as RFC 5280 says, section 4.1.';
  return importFinding('CERTIFICATE_DAMAGED', source, message, 'Ask for it to be issued anew.');
}

/** Each name is held against each constraint: both are bounded, so that their product is. */
function namesIn({ extensions: { subjectAltName, nameConstraints } }: Link): number {
  const limits = (nameConstraints?.permitted.length ?? 0) + (nameConstraints?.excluded.length ?? 0);
  return Math.max(subjectAltName?.length ?? 0, limits);
}

function tooMany(count: number): ImportFinding {
  const message = `There are ${count} certificates, and ${MAX_CERTIFICATES} are allowed.`;
  return importFinding('TOO_MANY_CERTIFICATES', 'certificates', message, 'Pass the certificate and its chain alone.');
}

function tooManyNames(link: Link): ImportFinding {
  const message = `${describe(link)} has ${namesIn(link)} names or name constraints, and ${MAX_NAMES} are allowed.`;
  return importFinding('TOO_MANY_NAMES', describe(link), message, 'Ask for a certificate of this platform alone.');
}

function noCertificate(): ImportFinding {
  return importFinding('NO_CERTIFICATE', 'certificates', 'There is no certificate.', 'Pass it with --cert or --pfx.');
}

function absentPin(pin: string): ImportFinding {
  return importFinding(
    'TRUST_ROOT_ABSENT',
    pin,
    'No certificate of the input has the fingerprint that is to be trusted.',
    'Compare it with your PKI team, or pass the file of the root with --ca.',
  );
}
