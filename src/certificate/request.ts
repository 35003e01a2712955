import { type KeyObject, sign } from 'node:crypto';
import forge from 'node-forge';
import { spkiOf } from '../crypto/private-key.ts';
import { canonicalIp } from './ip-address.ts';

const { asn1 } = forge;
const { Class, Type } = asn1;

const OID = { commonName: '2.5.4.3', extensionRequest: '1.2.840.113549.1.9.14', subjectAltName: '2.5.29.17' };
/** GeneralName (RFC 5280, section 4.2.1.6). */
const DNS_NAME = 2;
const IP_ADDRESS = 7;
/** ub-common-name (RFC 5280, appendix A). */
const LONGEST_COMMON_NAME = 64;

const SIGNATURES = {
  rsa: { oid: '1.2.840.113549.1.1.11', digest: 'sha256', hasNull: true },
  prime256v1: { oid: '1.2.840.10045.4.3.2', digest: 'sha256', hasNull: false },
  secp384r1: { oid: '1.2.840.10045.4.3.3', digest: 'sha384', hasNull: false },
} as const;

/** PKCS#10 (RFC 2986) as PEM: the first name is the common name where short enough, all are in subjectAltName. */
export function certificateRequest(
  key: KeyObject,
  names: { readonly dnsNames: readonly string[]; readonly ipAddresses: readonly string[] },
): string {
  const [first = ''] = [...names.dnsNames, ...names.ipAddresses];
  const generalNames = [
    ...names.dnsNames.map((name) => primitive(Class.CONTEXT_SPECIFIC, DNS_NAME, name)),
    ...names.ipAddresses.map((address) => primitive(Class.CONTEXT_SPECIFIC, IP_ADDRESS, addressBytes(address))),
  ];
  const extension = sequence([oid(OID.subjectAltName), octets(asn1.toDer(sequence(generalNames)).getBytes())]);
  const attribute = sequence([oid(OID.extensionRequest), set([sequence([extension])])]);
  const commonName = sequence([oid(OID.commonName), primitive(Class.UNIVERSAL, Type.UTF8, first)]);
  const info = sequence([
    primitive(Class.UNIVERSAL, Type.INTEGER, '\0'),
    sequence(first.length > LONGEST_COMMON_NAME ? [] : [set([commonName])]),
    asn1.fromDer(Buffer.from(spkiOf(key)).toString('latin1')),
    asn1.create(Class.CONTEXT_SPECIFIC, 0, true, [attribute]),
  ]);
  const { oid: algorithm, digest, hasNull } = SIGNATURES[signatureOf(key)];
  const signature = sign(digest, Buffer.from(asn1.toDer(info).getBytes(), 'latin1'), key);
  const request = sequence([
    info,
    sequence([oid(algorithm), ...(hasNull ? [primitive(Class.UNIVERSAL, Type.NULL, '')] : [])]),
    primitive(Class.UNIVERSAL, Type.BITSTRING, `\0${signature.toString('latin1')}`),
  ]);
  const base64 = Buffer.from(asn1.toDer(request).getBytes(), 'latin1').toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join('\n')}\n-----END CERTIFICATE REQUEST-----\n`;
}

function signatureOf(key: KeyObject): keyof typeof SIGNATURES {
  if (key.asymmetricKeyType === 'rsa') return 'rsa';
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === 'prime256v1' || curve === 'secp384r1') return curve;
  throw new Error(`no request is made for keys of type ${key.asymmetricKeyType}`);
}

/** The typings do not know forge's function; 4 or 16 bytes. */
function addressBytes(address: string): string {
  return (forge.util as unknown as { bytesFromIP(of: string): string }).bytesFromIP(canonicalIp(address));
}

function sequence(items: forge.asn1.Asn1[]): forge.asn1.Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, items);
}

function set(items: forge.asn1.Asn1[]): forge.asn1.Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SET, true, items);
}

function oid(text: string): forge.asn1.Asn1 {
  return primitive(Class.UNIVERSAL, Type.OID, asn1.oidToDer(text).getBytes());
}

function octets(bytes: string): forge.asn1.Asn1 {
  return primitive(Class.UNIVERSAL, Type.OCTETSTRING, bytes);
}

function primitive(tagClass: forge.asn1.Class, type: number, bytes: string): forge.asn1.Asn1 {
  return asn1.create(tagClass, type, false, bytes);
}
