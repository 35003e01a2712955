import { bytesOf, type DerNode, elementsOf, hexOf, oidOf, readDer, tagged, writeDer } from './der.ts';

/** What a certificate's extensions say (RFC 5280, section 4.2); undefined where one is absent or damaged. */
export interface Extensions {
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength: number | undefined } | undefined;
  readonly keyUsage: { readonly digitalSignature: boolean; readonly keyCertSign: boolean } | undefined;
  readonly extendedKeyUsage: readonly string[] | undefined;
  /** Hex. */
  readonly subjectKeyIdentifier: string | undefined;
  /** Hex; `undefined` within it where the extension names no key. */
  readonly authorityKeyIdentifier: { readonly keyIdentifier: string | undefined } | undefined;
  readonly subjectAltName: readonly GeneralName[] | undefined;
  readonly nameConstraints: NameConstraints | undefined;
  readonly mustStaple: boolean;
  /** Where the issuer's certificate can be fetched. */
  readonly issuerUrls: readonly string[];
  readonly present: ReadonlySet<string>;
  readonly critical: ReadonlySet<string>;
  /** OIDs of extensions that cannot be read, or that occur twice. */
  readonly damaged: readonly string[];
}

/** GeneralName (RFC 5280, section 4.2.1.6): the tag, and the bytes, of a directoryName its DER. */
export interface GeneralName {
  readonly tag: number;
  readonly value: string;
}

export const GENERAL_NAME = { other: 0, email: 1, dns: 2, directory: 4, uri: 6, ip: 7 } as const;

export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

export const EXTENSION = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  tlsFeature: '1.3.6.1.5.5.7.1.24',
} as const;

const CA_ISSUERS = '1.3.6.1.5.5.7.48.2';
/** status_request (RFC 7633, section 4.2.3). */
const STATUS_REQUEST = 5;
const BOOLEAN = 1;
const INTEGER = 2;

/** `list` is the SEQUENCE OF Extension, undefined where a certificate has none. Never throws on what an extension holds. */
export function readExtensions(list: DerNode | undefined): Extensions {
  const values = new Map<string, DerNode | undefined>();
  const critical = new Set<string>();
  const damaged = new Set<string>();
  for (const extension of list === undefined ? [] : elementsOf(list)) {
    const parts = elementsOf(extension);
    const oid = oidOf(parts[0]);
    if (values.has(oid)) damaged.add(oid);
    if (parts.length === 3 && bytesOf(parts[1]) !== '\0') critical.add(oid);
    values.set(oid, parts.at(-1));
  }
  /** What the library, or we, throw on a malformed extension becomes a finding. */
  const read = <T>(oid: string, decode: (value: DerNode) => T): T | undefined => {
    const holder = values.get(oid);
    if (holder === undefined) return undefined;
    try {
      return decode(readDer(bytesOf(holder)));
    } catch {
      damaged.add(oid);
      return undefined;
    }
  };
  return {
    basicConstraints: read(EXTENSION.basicConstraints, decodeBasicConstraints),
    keyUsage: read(EXTENSION.keyUsage, decodeKeyUsage),
    extendedKeyUsage: read(EXTENSION.extendedKeyUsage, (value) => elementsOf(value).map(oidOf)),
    subjectKeyIdentifier: read(EXTENSION.subjectKeyIdentifier, (value) => hexOf(bytesOf(value))),
    authorityKeyIdentifier: read(EXTENSION.authorityKeyIdentifier, decodeAuthorityKeyIdentifier),
    subjectAltName: read(EXTENSION.subjectAltName, (value) => elementsOf(value).map(generalName)),
    nameConstraints: read(EXTENSION.nameConstraints, decodeNameConstraints),
    mustStaple: read(EXTENSION.tlsFeature, decodeMustStaple) ?? false,
    issuerUrls: read(EXTENSION.authorityInfoAccess, decodeIssuerUrls) ?? [],
    present: new Set(values.keys()),
    critical,
    damaged: [...damaged],
  };
}

function decodeBasicConstraints(value: DerNode) {
  const parts = elementsOf(value);
  const ca = parts.find(({ type }) => type === BOOLEAN);
  const pathLength = parts.find(({ type }) => type === INTEGER);
  return {
    ca: ca !== undefined && bytesOf(ca) !== '\0',
    pathLength: pathLength === undefined ? undefined : Number.parseInt(hexOf(bytesOf(pathLength)), 16),
  };
}

/** A BIT STRING begins with the number of its unused bits; bit 0 is the highest (RFC 5280, section 4.2.1.3). */
function decodeKeyUsage(value: DerNode) {
  const bits = bytesOf(value).charCodeAt(1) || 0;
  return { digitalSignature: (bits & 0x80) !== 0, keyCertSign: (bits & 0x04) !== 0 };
}

function decodeAuthorityKeyIdentifier(value: DerNode) {
  const identifier = tagged(elementsOf(value), 0);
  return { keyIdentifier: identifier === undefined ? undefined : hexOf(bytesOf(identifier)) };
}

function decodeNameConstraints(value: DerNode): NameConstraints {
  const subtrees = (tag: number): GeneralName[] => {
    const list = tagged(elementsOf(value), tag);
    return list === undefined ? [] : elementsOf(list).map(subtreeBase);
  };
  return { permitted: subtrees(0), excluded: subtrees(1) };
}

/** Minimum and maximum are not used with any name form (RFC 5280, section 4.2.1.10). */
function subtreeBase(subtree: DerNode): GeneralName {
  const [base, ...distances] = elementsOf(subtree);
  if (base === undefined || distances.some((distance) => bytesOf(distance) !== '\0')) throw new Error('distances');
  return generalName(base);
}

function generalName(node: DerNode): GeneralName {
  if (node.type === GENERAL_NAME.directory) return { tag: node.type, value: elementsOf(node).map(writeDer).join('') };
  return { tag: node.type, value: typeof node.value === 'string' ? node.value : writeDer(node) };
}

function decodeMustStaple(value: DerNode): boolean {
  return elementsOf(value).some((feature) => bytesOf(feature).charCodeAt(0) === STATUS_REQUEST);
}

/** One AccessDescription at least (RFC 5280, section 4.2.2.1). */
function decodeIssuerUrls(value: DerNode): string[] {
  const descriptions = elementsOf(value).map(elementsOf);
  if (descriptions.length === 0) throw new Error('empty');
  return descriptions
    .filter(([method]) => oidOf(method) === CA_ISSUERS)
    .map(([, location]) => location)
    .filter((location) => location?.type === GENERAL_NAME.uri)
    .map(bytesOf);
}
