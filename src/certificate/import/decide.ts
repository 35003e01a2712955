import { factsOf } from './facts.ts';
import { IMPORT_FINDINGS, type ImportFinding, type ImportFindingCode, importFinding } from './finding.ts';
import { chooseLeaf } from './leaf.ts';
import { LEAF_RULES } from './lint/index.ts';
import { checkPair, keptOf, pairOf } from './pair.ts';
import { choosePath } from './path/choose-path.ts';
import { describe, type Link } from './path/link.ts';
import { prove } from './prove.ts';
import { readInput } from './read-input.ts';
import { duplicateRepairs, repairsOf, withoutDuplicates } from './repairs.ts';
import type { ImportDecision, ImportedPair, ImportRequest } from './types.ts';

/** Whether `--allow` takes the code: it is a finding's, and one that may be accepted. */
export function isAllowable(code: string): code is ImportFindingCode {
  return Object.hasOwn(IMPORT_FINDINGS, code) && IMPORT_FINDINGS[code as ImportFindingCode].allowable;
}

/** Judges what was read, and proves it by a TLS handshake. All faults at once; never throws on what they hold. */
export async function decideImport(request: ImportRequest): Promise<ImportDecision> {
  const input = readInput(request);
  const refused = (findings: readonly ImportFinding[]): ImportDecision => ({ ...NOTHING, findings });
  if (input.trust === undefined) return refused(input.findings);

  const certificates = withoutDuplicates(input.links);
  const { leaf, key, findings: ofLeaf } = chooseLeaf(certificates, request.keys, request.fqdn);
  const before = [...input.findings, ...ofLeaf];
  const duplicates = duplicateRepairs(input.links);
  if (leaf === undefined) return { ...refused(before), repairs: duplicates };

  const pool = withoutDuplicates([...certificates, ...input.trust.given]).filter((link) => link !== leaf);
  const { chain, path, findings: ofPath } = choosePath(leaf, pool, input.trust, request);
  const kept = keptOf(path);
  const rules = LEAF_RULES.flatMap((rule) => rule(chain, request));
  const pair = key === undefined || path.length === 0 ? undefined : pairOf(kept, key);
  const ofPair = pair === undefined || key === undefined ? [] : checkPair(pair, leaf, key);
  const judged = allowing([...before, ...ofPath, ...rules, ...ofPair], request.allow);
  const proof = await proofOf(judged, pair, path, request.fqdn);
  const findings = [...judged, ...proof];
  return {
    leaf: factsOf(leaf),
    chain: path.map(factsOf),
    repairs: [...duplicates, ...(path.length === 0 ? [] : repairsOf(certificates, path, kept))],
    findings,
    pair: findings.some(isError) ? undefined : pair,
  };
}

const NOTHING: ImportDecision = { leaf: undefined, chain: [], repairs: [], findings: [], pair: undefined };

function isError({ severity }: ImportFinding): boolean {
  return severity === 'error';
}

/** `--allow CODE` makes a warning of an error that may be accepted, and of no other. */
function allowing(findings: readonly ImportFinding[], allow: readonly string[]): readonly ImportFinding[] {
  return findings.map((finding) =>
    allow.includes(finding.code) && isAllowable(finding.code) ? { ...finding, severity: 'warning' } : finding,
  );
}

/** What is refused anyway needs no proof: the rules say what is wrong, OpenSSL would not. */
async function proofOf(
  judged: readonly ImportFinding[],
  pair: ImportedPair | undefined,
  path: readonly Link[],
  names: readonly string[],
): Promise<readonly ImportFinding[]> {
  const [leaf, anchor] = [path[0], path.at(-1)];
  if (pair === undefined || leaf === undefined || anchor === undefined || judged.some(isError)) return [];
  const failed = await prove(pair, leaf, anchor, names);
  if (failed.length === 0) return [];
  const outcomes = failed
    .map(({ name, version, code }) => `${code} (${[version, name].filter(Boolean).join(', ')})`)
    .join('; ');
  return [
    importFinding(
      'PROOF_FAILED',
      describe(leaf),
      `A TLS handshake with the certificate failed: ${outcomes}.`,
      'Ask for a new certificate; please report this case, no rule explains it.',
    ),
  ];
}
