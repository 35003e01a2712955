import { EXTENSION, GENERAL_NAME } from '../extensions.ts';
import { keyTypeOf } from '../facts.ts';
import type { Link } from '../path/link.ts';
import { about, type Chain, linksOf, type Rule } from './rule.ts';

const EMPTY_SEQUENCE = '0\0';

export const negativeSerials: Rule = (chain) =>
  linksOf(chain)
    .filter(({ serial }) => serial.charCodeAt(0) >= 0x80)
    .map((link) =>
      about(chain, link, 'NEGATIVE_SERIAL', 'has a negative serial number', 'Ask for a new one; Go refuses such.'),
    );

/** Rules of RFC 5280 whose breach some clients punish. Whoever has only clients that do not may allow it. */
export const profileViolations: Rule = (chain) =>
  linksOf(chain).flatMap((link) =>
    violationsOf(chain, link).map((what) =>
      about(
        chain,
        link,
        'PROFILE_VIOLATION',
        what,
        'Ask for a certificate as RFC 5280 says. If your clients take it, accept it with --allow PROFILE_VIOLATION.',
      ),
    ),
  );

/** What real PKIs do and clients take. */
export const profileDeviations: Rule = (chain) =>
  linksOf(chain).flatMap((link) =>
    deviationsOf(chain, link).map((what) =>
      about(chain, link, 'PROFILE_DEVIATION', what, 'Nothing has to be done; stricter clients may come.'),
    ),
  );

/** [holds, what is wrong]: those that hold. */
const those = (facts: readonly (readonly [boolean, string])[]): string[] =>
  facts.filter(([holds]) => holds).map(([, what]) => what);

function violationsOf(chain: Chain, link: Link): string[] {
  const { critical, nameConstraints, present, subjectAltName } = link.extensions;
  const isLeaf = link === chain.leaf;
  const limits = nameConstraints === undefined ? [] : [...nameConstraints.permitted, ...nameConstraints.excluded];
  const dns = limits.filter(({ tag }) => tag === GENERAL_NAME.dns).map(({ value }) => value);
  const ip = limits.filter(({ tag }) => tag === GENERAL_NAME.ip).map(({ value }) => value);
  const email = limits.filter(({ tag }) => tag === GENERAL_NAME.email).map(({ value }) => value);
  return those([
    [isLeaf && link.version !== 3, `is of version ${link.version}, not 3`],
    [!isLeaf && link.version !== 3 && !link.selfSigned, `is a CA of version ${link.version}, not 3`],
    [critical.has(EXTENSION.authorityKeyIdentifier), 'has a critical authorityKeyIdentifier'],
    [critical.has(EXTENSION.subjectKeyIdentifier), 'has a critical subjectKeyIdentifier'],
    [critical.has(EXTENSION.authorityInfoAccess), 'has a critical authorityInfoAccess'],
    [
      present.has(EXTENSION.policyConstraints) && !critical.has(EXTENSION.policyConstraints),
      'has policyConstraints that are not critical',
    ],
    [
      !isLeaf && link.selfSigned && !link.x509.checkIssued(link.x509),
      'names another key than its own as that of its issuer',
    ],
    [!isLeaf && link.subject === EMPTY_SEQUENCE, 'is a CA without a name'],
    [
      isLeaf &&
        link.subject === EMPTY_SEQUENCE &&
        subjectAltName !== undefined &&
        !critical.has(EXTENSION.subjectAltName),
      'has no subject, and a subjectAltName that is not critical',
    ],
    [isLeaf && nameConstraints !== undefined, 'has name constraints, which only a CA may have'],
    [nameConstraints !== undefined && limits.length === 0, 'has name constraints that say nothing'],
    [dns.some((value) => value.startsWith('.') || value.includes('*')), 'has a name constraint that is no domain'],
    [
      ip.some((value) => value.length !== 8 && value.length !== 32),
      'has a name constraint that is no range of addresses',
    ],
    [email.some((value) => value.split('@').length > 2), 'has a name constraint that is no address of e-mail'],
  ]);
}

const MAX_SERIAL_BYTES = 20;

function deviationsOf(chain: Chain, link: Link): string[] {
  const { critical, present, basicConstraints, authorityKeyIdentifier, subjectKeyIdentifier } = link.extensions;
  const isLeaf = link === chain.leaf;
  const bits = link.publicKey?.asymmetricKeyDetails?.modulusLength ?? 0;
  return those([
    [link.version === 1 && !isLeaf && link.selfSigned, 'is of version 1'],
    [
      !link.selfSigned && link !== chain.anchor && authorityKeyIdentifier === undefined,
      'has no authorityKeyIdentifier',
    ],
    [!isLeaf && link.version === 3 && subjectKeyIdentifier === undefined, 'has no subjectKeyIdentifier'],
    [
      !isLeaf && basicConstraints !== undefined && !critical.has(EXTENSION.basicConstraints),
      'has basicConstraints that are not critical',
    ],
    [
      present.has(EXTENSION.nameConstraints) && !critical.has(EXTENSION.nameConstraints),
      'has name constraints that are not critical',
    ],
    [
      link.serial === '\0' || link.serial.length > MAX_SERIAL_BYTES,
      'has a serial number that is zero or over 20 bytes',
    ],
    [bits % 8 !== 0, `has the key ${keyTypeOf(link.publicKey)}, whose length is no multiple of 8`],
    [
      isLeaf && critical.has(EXTENSION.subjectAltName) && link.subject !== EMPTY_SEQUENCE,
      'has a critical subjectAltName beside a subject',
    ],
  ]);
}
