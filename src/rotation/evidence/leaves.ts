import { isIssuedBy, normalizePem, readBundle, readSingle } from '../../certificate/read.ts';
import { unlessDamaged } from '../../errors.ts';
import { entry, utf8 } from '../../ledger/text.ts';
import { formatRef } from '../../ports/object-ref.ts';
import type { RotationContext } from '../context.ts';
import type { Gathered } from '../facts/gathered.ts';
import type { Evidence } from '../gate.ts';
import type { EvidencePorts } from './ports.ts';

const PROBE_TIMEOUT_MS = 5000;

/** In our Secrets, or served by endpoints. One that shows no certificate is no evidence either way. */
export async function leavesIssuedBy(
  issuer: number,
  { kind, comparison, request: { endpoints } }: RotationContext,
  { probe }: EvidencePorts,
): Promise<Required<Pick<Evidence, 'leaves'>> & Pick<Gathered, 'unprobed'>> {
  const version = comparison.rings.get(kind)?.find(({ n }) => n === issuer);
  if (version === undefined) return { leaves: [], unprobed: [] };
  const ca = readSingle(entry(version.material.entries, 'tls.crt'));
  const isOld = (pem: Uint8Array): boolean => {
    const [leaf] = readBundle(pem);
    return leaf !== undefined && isIssuedBy(leaf, ca);
  };
  const stored = comparison.projections.flatMap(({ projection }) => {
    const found = comparison.snapshot.projections.get(formatRef(projection.ref));
    if (projection.source !== 'issued' || found === undefined || found.damage !== undefined) return [];
    return isOld(entry(found.data, 'tls.crt')) ? [formatRef(projection.ref)] : [];
  });
  const leaves = [...stored];
  const unprobed: string[] = [];
  const answers = await Promise.all(
    endpoints.map(({ host, port }) => probe.probe({ host, port, servername: host, timeoutMs: PROBE_TIMEOUT_MS })),
  );
  for (const [i, { host, port }] of endpoints.entries()) {
    const answer = answers[i] ?? { unreachable: 'nobody has looked' };
    const [der] = 'chain' in answer ? answer.chain : [];
    if (der === undefined) {
      const why = 'chain' in answer ? 'no certificate' : answer.unreachable;
      unprobed.push(`${host}:${port} could not be looked at (${why}): what it serves is no part of the evidence`);
    } else if (servesOld(der, isOld)) leaves.push(`${host}:${port}`);
  }
  return { leaves, unprobed };
}

/** What cannot be read as a certificate is none of ours. */
function servesOld(der: Uint8Array, isOld: (pem: Uint8Array) => boolean): boolean {
  return unlessDamaged(
    () => isOld(utf8(normalizePem(der))),
    () => false,
  );
}
