import { fingerprint } from '../../crypto/digest.ts';
import { spkiOf } from '../../crypto/private-key.ts';
import { type ImportFinding, importFinding } from './finding.ts';
import { covers } from './host-name.ts';
import { describe, keyFingerprint, type Link } from './path/link.ts';
import type { FoundKey } from './types.ts';

export interface LeafChoice {
  readonly leaf: Link | undefined;
  readonly key: FoundKey | undefined;
  readonly findings: readonly ImportFinding[];
}

/** Where no key is there, or it fits none, what looks like a server's is judged: all faults are reported at once. */
export function chooseLeaf(
  certificates: readonly Link[],
  given: readonly FoundKey[],
  fqdn: readonly string[],
): LeafChoice {
  const keys = distinct(given);
  const fitting = keys.map((found) => ({ key: found, leaves: leavesMatchingKey(certificates, found) }));
  const matches = fitting.filter(({ leaves }) => leaves.length > 0);
  const findings = keyFindings(keys, matches.length > 0, certificates);
  const [match, ...others] = matches;
  if (match === undefined) {
    const guessed = guess(certificates, fqdn);
    const several = keys.length === 0 ? severalLeaves(guessed) : [];
    return { leaf: guessed[0], key: undefined, findings: [...findings, ...several] };
  }
  const chosen = others.length === 0 ? match.leaves : [];
  return {
    leaf: chosen.length === 1 ? chosen[0] : undefined,
    key: others.length === 0 ? match.key : undefined,
    findings: [...findings, ...severalLeaves(chosen)],
  };
}

function keyFindings(keys: readonly FoundKey[], fits: boolean, certificates: readonly Link[]): ImportFinding[] {
  const [first] = keys;
  if (first === undefined) {
    return [
      importFinding(
        'KEY_MISSING',
        'private key',
        'No private key was given.',
        'Pass it with --key, or in the same file.',
      ),
    ];
  }
  const several =
    keys.length === 1
      ? []
      : [
          importFinding(
            'SEVERAL_KEYS',
            'private key',
            `There are ${keys.length} private keys: ${keys.map(({ source }) => source).join('; ')}.`,
            'Pass the one that belongs to the certificate of the server.',
          ),
        ];
  return fits || certificates.length === 0 ? several : [...several, mismatch(keys, certificates)];
}

function mismatch(keys: readonly FoundKey[], certificates: readonly Link[]): ImportFinding {
  const ofKeys = keys.map((found) => `${found.source} has ${fingerprintOf(found)}`);
  const shown = certificates.slice(0, 5);
  const ofCertificates = shown.map(
    (link) => `${describe(link)} has ${keyFingerprint(link) ?? 'one that cannot be read'}`,
  );
  const more = certificates.length > shown.length ? [`${certificates.length - shown.length} more have others`] : [];
  return importFinding(
    'CERT_KEY_MISMATCH',
    keys[0]?.source ?? 'private key',
    `The private key belongs to none of the certificates. Public keys: ${[...ofKeys, ...ofCertificates, ...more].join('; ')}.`,
    'Pass the key that the certificate was requested with, or request a certificate for this key.',
  );
}

function severalLeaves(leaves: readonly Link[]): ImportFinding[] {
  if (leaves.length < 2) return [];
  const listed = leaves.map((link) => `${describe(link)}, valid until ${link.x509.validToDate.toISOString()}`);
  return [
    importFinding(
      'SEVERAL_LEAVES',
      'certificates',
      `${leaves.length} certificates could be the one of the server: ${listed.join('; ')}.`,
      'Pass the one that is to be used, and its chain.',
    ),
  ];
}

/** A CA may share its key with a certificate it signed; it is not the server's then. */
function leavesMatchingKey(certificates: readonly Link[], { key }: FoundKey): readonly Link[] {
  // Not by fingerprint: the same point of a curve can be written in two ways.
  const fitting = certificates.filter(({ x509, publicKey }) => publicKey !== undefined && x509.checkPrivateKey(key));
  const servers = fitting.filter((link) => !isCa(link));
  return servers.length > 0 ? servers : fitting;
}

/** The best guess first; more than one where they are equally good. */
function guess(certificates: readonly Link[], fqdn: readonly string[]): readonly Link[] {
  const servers = certificates.filter((link) => !isCa(link));
  const covering = servers.filter(({ x509 }) => fqdn.every((name) => covers(x509, name)));
  return [covering, servers, certificates.slice(0, 1)].find((some) => some.length > 0) ?? [];
}

function isCa({ extensions }: Link): boolean {
  return extensions.basicConstraints?.ca === true;
}

function fingerprintOf({ key }: FoundKey): string {
  return fingerprint(spkiOf(key));
}

function distinct(keys: readonly FoundKey[]): readonly FoundKey[] {
  return [...new Map(keys.map((found) => [fingerprintOf(found), found])).values()];
}
