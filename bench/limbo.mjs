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

/** Cases that are decided otherwise on purpose: what the id matches, and why. */
export const DELIBERATE = [
  [
    /^rfc5280::ca-as-leaf$|^pathlen::validation-ignores-pathlen-in-leaf$/,
    'A CA is refused as the certificate of a server: its key would lie in an ingress and could sign for every name.',
  ],
  [
    /missing-aki$|missing-ski$/,
    'Key identifiers that are missing: many private PKIs leave them out, and clients find the path without. PROFILE_DEVIATION warns.',
  ],
  [
    /non-critical-basic-constraints$|dns-match-noncritical$/,
    'basicConstraints or name constraints that are not critical are obeyed all the same. PROFILE_DEVIATION warns.',
  ],
  [
    /^rfc5280::serial::(too-long|zero)$/,
    'Serial numbers of zero or over 20 bytes are common in private PKIs, and clients take them. PROFILE_DEVIATION warns.',
  ],
  [
    /^webpki::aki::/,
    'What the CA/Browser Forum says of the authorityKeyIdentifier of a root: clients do not look at it, they trust the root as it is.',
  ],
  [/^webpki::cn::/, 'A common name that the SAN does not have, or spells otherwise: clients look at the SAN alone.'],
  [
    /^webpki::eku::/,
    'A missing EKU (NO_EKU warns), a critical one, anyExtendedKeyUsage beside serverAuth, or an EKU with serverAuth in a root: only the Web PKI forbids them.',
  ],
  [
    /^webpki::san::public-suffix-/,
    'A wildcard below a public suffix: which suffixes are public changes by the week, and a private CA may issue for its own.',
  ],
  [
    /^webpki::san::san-critical-with-nonempty-subject$/,
    'A critical SAN is understood by every client. PROFILE_DEVIATION warns.',
  ],
  [
    /^webpki::forbidden-rsa-(key-)?not-divisible-by-8-in-/,
    'RSA with more than 2048 bits that are no multiple of 8 is no weaker. PROFILE_DEVIATION warns.',
  ],
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
  const reason = DELIBERATE.find(([pattern]) => pattern.test(testcase.id))?.[1];
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
  const reasons = DELIBERATE.map(([, reason]) => {
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
