// Decides the server cases of x509-limbo (https://x509-limbo.com) as `import-cert` would, and says where it decides
// otherwise. The file is not part of the project; it is made by `make` in C2SP/x509-limbo.
//
//   node bench/limbo.mjs limbo.json            what docs/x509-limbo.md shows
//   node bench/limbo.mjs limbo.json --all      each case too
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { decideImport } from '../src/certificate/import/decide.ts';
import { IMPORT_FINDINGS } from '../src/certificate/import/finding.ts';

/** What is left aside: revocation is not looked at, and the depth has a limit of its own. */
const ASIDE = ['has-crl', 'max-chain-depth'];

/**
 * Cases that are decided otherwise on purpose, each by its id, and why. `pedantic`: the suite itself marks them as what only
 * pedantic validators refuse; `web`: the CA/Browser Forum alone forbids them; `enterprise`: private PKIs have them.
 */
export const DELIBERATE = [
  {
    ids: ['rfc5280::ca-as-leaf', 'pathlen::validation-ignores-pathlen-in-leaf'],
    reason:
      'A CA is refused as the certificate of a server: its key would lie in an ingress and could sign for every name.',
  },
  {
    ids: [
      'rfc5280::aki::leaf-missing-aki',
      'rfc5280::aki::intermediate-missing-aki',
      'rfc5280::aki::cross-signed-root-missing-aki',
      'rfc5280::ski::root-missing-ski',
      'rfc5280::ski::intermediate-missing-ski',
    ],
    reason: 'enterprise: key identifiers that are missing; clients find the path without. PROFILE_DEVIATION warns.',
  },
  {
    ids: ['rfc5280::root-non-critical-basic-constraints', 'rfc5280::nc::permitted-dns-match-noncritical'],
    reason:
      'enterprise: basicConstraints or name constraints that are not critical are obeyed all the same. PROFILE_DEVIATION warns.',
  },
  {
    ids: ['rfc5280::serial::too-long', 'rfc5280::serial::zero'],
    reason: 'pedantic: clients take serial numbers of zero or over 20 bytes. PROFILE_DEVIATION warns.',
  },
  {
    ids: ['webpki::aki::root-with-aki-missing-keyidentifier'],
    reason: 'web: clients do not look at the authorityKeyIdentifier of a root, they trust the root as it is.',
  },
  {
    ids: [
      'webpki::cn::ipv4-hex-mismatch',
      'webpki::cn::ipv4-leading-zeros-mismatch',
      'webpki::cn::ipv6-uppercase-mismatch',
      'webpki::cn::ipv6-uncompressed-mismatch',
      'webpki::cn::ipv6-non-rfc5952-mismatch',
      'webpki::cn::punycode-not-in-san',
      'webpki::cn::utf8-vs-punycode-mismatch',
      'webpki::cn::not-in-san',
      'webpki::cn::case-mismatch',
    ],
    reason: 'enterprise: a common name that the SAN does not have, or spells otherwise; clients look at the SAN alone.',
  },
  {
    ids: ['webpki::eku::ee-without-eku'],
    reason: 'enterprise: no EKU at all; clients take it. NO_EKU warns.',
  },
  {
    ids: ['webpki::eku::ee-anyeku', 'webpki::eku::ee-critical-eku', 'webpki::eku::root-has-eku'],
    reason: 'pedantic: anyExtendedKeyUsage beside serverAuth, a critical EKU, an EKU with serverAuth in a root.',
  },
  {
    ids: [
      'webpki::san::public-suffix-multi-label-wildcard-san',
      'webpki::san::public-suffix-private-namespace-wildcard-san',
    ],
    reason:
      'pedantic: a wildcard below a public suffix; which suffixes are public changes by the week, and a private CA may issue for its own.',
  },
  {
    ids: ['webpki::san::san-critical-with-nonempty-subject'],
    reason: 'web: every client understands a critical SAN. PROFILE_DEVIATION warns.',
  },
  {
    ids: ['webpki::forbidden-rsa-not-divisible-by-8-in-root', 'webpki::forbidden-rsa-key-not-divisible-by-8-in-leaf'],
    reason: 'web: RSA with more than 2048 bits that are no multiple of 8 is no weaker. PROFILE_DEVIATION warns.',
  },
];

const EVERYTHING_ALLOWED = Object.entries(IMPORT_FINDINGS)
  .filter(([code, { allowable }]) => allowable && code !== 'PROFILE_VIOLATION')
  .map(([code]) => code);

/** The cases with the outcome of each: `accepted` or `rejected` as expected, or `false accept`, `false reject`, `otherwise`. */
export async function runLimbo(text) {
  const cases = JSON.parse(text).testcases.filter(
    ({ validation_kind: kind, expected_peer_name: name, features }) =>
      kind === 'SERVER' && ['DNS', 'IP'].includes(name?.kind) && !features.some((feature) => ASIDE.includes(feature)),
  );
  const results = [];
  for (const testcase of cases) results.push({ id: testcase.id, ...(await decide(testcase)) });
  return results;
}

async function decide(testcase) {
  const expected = testcase.expected_result === 'SUCCESS';
  const { accepted, codes } = await judge(testcase);
  const reason = DELIBERATE.find(({ ids }) => ids.includes(testcase.id))?.reason;
  if (accepted === expected) return { outcome: accepted ? 'accepted' : 'rejected', codes };
  if (reason !== undefined) return { outcome: 'otherwise', codes, accepted, reason };
  return { outcome: accepted ? 'false accept' : 'false reject', codes };
}

async function judge(testcase) {
  const time = testcase.validation_time;
  try {
    const decision = await decideImport({
      certificates: [testcase.peer_certificate, ...testcase.untrusted_intermediates].map(found('input')),
      keys: testcase.peer_certificate_key
        ? [{ key: createPrivateKey(testcase.peer_certificate_key), source: 'key' }]
        : [],
      anchors: { given: testcase.trusted_certs.map(found('--ca')), pinned: [], roots: [] },
      fqdn: [testcase.expected_peer_name.value],
      previousFqdn: [],
      rootDomain: undefined,
      replaced: undefined,
      allow: EVERYTHING_ALLOWED,
      now: time ? new Date(time) : new Date(),
    });
    const errors = decision.findings.filter(({ severity }) => severity === 'error').map(({ code }) => code);
    // Without a key there is nothing to prove: path and rules decide.
    const counted = testcase.peer_certificate_key ? errors : errors.filter((code) => code !== 'KEY_MISSING');
    const codes = counted.length > 0 ? counted : decision.findings.map(({ code }) => code);
    return { accepted: counted.length === 0, codes: [...new Set(codes)] };
  } catch (error) {
    // What OpenSSL cannot parse is refused while reading.
    if (!String(error.code).startsWith('ERR_OSSL')) throw error;
    return { accepted: false, codes: ['unreadable'] };
  }
}

const found = (source) => (pem, i) => ({ x509: new X509Certificate(pem), source: `${source}, certificate ${i + 1}` });

/** How many cases had which outcome. */
export function countOutcomes(results) {
  const counts = { accepted: 0, rejected: 0, otherwise: 0, 'false accept': 0, 'false reject': 0 };
  for (const { outcome } of results) counts[outcome] += 1;
  return counts;
}

/** The tables of docs/x509-limbo.md. */
function report(results) {
  const rows = Object.entries(countOutcomes(results)).map(([outcome, count]) => `| ${outcome} | ${count} |`);
  const reasons = DELIBERATE.map(({ reason }) => {
    const ids = results.filter((result) => result.reason === reason).map(({ id, accepted }) => [accepted, `\`${id}\``]);
    const verdict = ids[0]?.[0] ? 'accepted' : 'rejected';
    return `| ${ids.map(([, id]) => id).join('<br>')} | ${verdict} | ${reason} |`;
  });
  const head = ['| outcome | cases |', '|---|---|', ...rows, `| all | ${results.length} |`];
  return [...head, '', '| decided otherwise | how | why |', '|---|---|---|', ...reasons].join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [file, all] = process.argv.slice(2);
  if (file === undefined) throw new Error('usage: node bench/limbo.mjs limbo.json [--all]');
  const results = await runLimbo(await readFile(file, 'utf8'));
  const shown = results.filter(({ outcome }) => all !== undefined || outcome.startsWith('false'));
  for (const { id, outcome, codes } of shown) console.log(`${outcome} ${id} ${codes.join(' ')}`);
  console.log(report(results));
  process.exitCode = results.some(({ outcome }) => outcome.startsWith('false')) ? 1 : 0;
}
