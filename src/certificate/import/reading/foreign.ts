/** What people send instead of a certificate, in words for them: what it is, and what helps. */
export const FOREIGN = {
  'openssh-key': [
    'an OpenSSH private key',
    'Send the private key that the certificate was requested with, as PEM; `ssh-keygen -p -m PKCS8 -f COPY` converts a copy.',
  ],
  'public-key': ['a public key', 'Send the certificate, or the private key; a public key alone is neither.'],
  csr: ['a certificate signing request', 'Send what the CA issued for this request: the certificate with its chain.'],
  crl: ['a certificate revocation list', 'Send the certificate with its chain; a revocation list is not needed.'],
  html: [
    'a web page (HTML)',
    'The download gave a page in place of the file, often one to log in; download it again with a browser.',
  ],
  'java-keystore': [
    'a Java keystore (JKS or JCEKS)',
    'Convert it: `keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12`.',
  ],
  pgp: ['a PGP key or message', 'Decrypt it if it is a message; PGP keys serve no TLS. Send PEM, PKCS#7 or PKCS#12.'],
  zip: ['a ZIP archive', 'Unpack it, and give the files that are in it.'],
  parameters: ['key parameters without a key', 'Send the private key too; the parameters alone are not needed.'],
  'pkcs7-message': [
    'a PKCS#7 message without certificates',
    'Export the certificates with their chain, as PEM or PKCS#7.',
  ],
  'attribute-certificate': ['an attribute certificate', 'Send an X.509 certificate for TLS servers.'],
  unknown: [
    'nothing that is known: neither PEM nor DER, PKCS#7 or PKCS#12',
    'Send the certificate with its chain and the private key, as PEM or in one PKCS#12 file.',
  ],
} as const satisfies Record<string, readonly [string, string]>;

export type ForeignKind = keyof typeof FOREIGN;

const LABELS: readonly (readonly [RegExp, ForeignKind])[] = [
  [/^OPENSSH PRIVATE KEY$/, 'openssh-key'],
  [/^(RSA |EC |DSA )?PUBLIC KEY$|^SSH2 PUBLIC KEY$/, 'public-key'],
  [/^(NEW )?CERTIFICATE REQUEST$/, 'csr'],
  [/^X509 CRL$/, 'crl'],
  [/^PGP /, 'pgp'],
  [/ PARAMETERS$/, 'parameters'],
  [/^ATTRIBUTE CERTIFICATE$/, 'attribute-certificate'],
];

/** What a PEM block is by its label; undefined where the content has to tell. */
export function foreignByLabel(label: string): ForeignKind | undefined {
  return LABELS.find(([pattern]) => pattern.test(label))?.[1];
}

/** First bytes of Java's two formats, and of ZIP. */
const MAGIC: readonly (readonly [string, ForeignKind])[] = [
  ['feedfeed', 'java-keystore'],
  ['cececece', 'java-keystore'],
  ['504b0304', 'zip'],
];

const TEXTS: readonly (readonly [RegExp, ForeignKind])[] = [
  [/^\s*<(!doctype|html|head|body|\?xml)/i, 'html'],
  [/^\s*(ssh-(rsa|dss|ed25519)|ecdsa-sha2-\S+|sk-\S+) AAAA/, 'public-key'],
  [/^---- BEGIN SSH2 PUBLIC KEY/, 'public-key'],
];

/** What a file is that holds no PEM block and is no DER. */
export function foreignByContent(bytes: Buffer, text: string): ForeignKind {
  const magic = bytes.toString('hex', 0, 4);
  const start = text.slice(0, 1000);
  return (
    MAGIC.find(([value]) => value === magic)?.[1] ??
    TEXTS.find(([pattern]) => pattern.test(start))?.[1] ??
    (isBinaryPgp(bytes) ? 'pgp' : 'unknown')
  );
}

/** A key or message of OpenPGP (RFC 9580, section 4.2), in the old format with two octets of length, or in the new one. */
function isBinaryPgp(bytes: Buffer): boolean {
  const [tag = 0, length = 0] = bytes;
  const version = OLD_PGP.includes(tag) ? bytes[3] : NEW_PGP.includes(tag) && bytes[length < 192 ? 2 : 3];
  return version === 3 || version === 4 || version === 6;
}

const OLD_PGP = [0x85, 0x95, 0x99];
const NEW_PGP = [0xc1, 0xc5, 0xc6];
