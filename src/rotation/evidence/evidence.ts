import type { RotationContext } from '../context.ts';
import { type Gathered, NONE_STALE } from '../facts/gathered.ts';
import type { Evidence, EvidenceRequest } from '../gate.ts';
import { censusEvidence } from './census.ts';
import { consumersOf, readers } from './consumers.ts';
import { leavesIssuedBy } from './leaves.ts';
import type { EvidencePorts } from './ports.ts';
import { tenantsEvidence } from './tenants.ts';
import { usersEvidence } from './users.ts';

/** Gathers what a gate asks for. Reads alone. */
export async function gatherEvidence(
  requests: readonly EvidenceRequest[],
  context: RotationContext,
  ports: EvidencePorts,
): Promise<Gathered> {
  let evidence: Evidence = {};
  let besides: Partial<Omit<Gathered, 'evidence'>> = {};
  for (const request of requests) {
    switch (request.type) {
      case 'consumers': {
        const { consumers, ...others } = await consumersOf(request, context, ports);
        evidence = { ...evidence, consumers };
        besides = { ...besides, ...others };
        break;
      }
      case 'readers': {
        const singleReaders = await readers(context, ports);
        if (singleReaders !== undefined) evidence = { ...evidence, singleReaders };
        break;
      }
      case 'leaves': {
        const { leaves, unprobed } = await leavesIssuedBy(request.issuer, context, ports);
        evidence = { ...evidence, leaves };
        besides = { ...besides, unprobed };
        break;
      }
      case 'tenants': {
        // A scan takes its time: it is made when it alone is left, and counts if it began after all consumers were current.
        if (isClosedAlready(evidence)) break;
        const { tenants, scanned } = await tenantsEvidence(request, context, ports, sinceOf(evidence));
        evidence = { ...evidence, tenants };
        besides = { ...besides, scanned };
        break;
      }
      case 'census': {
        // As a scan: what was counted before all consumers were current is no evidence.
        if (isClosedAlready(evidence)) break;
        const { key, comparison, request: statements } = context;
        const isNone = request.onWord === true && statements.noTenantStore;
        const count = () => censusEvidence(key.versions, comparison.snapshot.spec, statements.dryRun, ports);
        evidence = { ...evidence, census: isNone ? { status: 'none' } : await count() };
        break;
      }
      case 'users': {
        if (isClosedAlready(evidence)) break;
        const { users, scanned } = await usersEvidence(request, context, ports, sinceOf(evidence));
        evidence = { ...evidence, users };
        besides = { ...besides, scanned };
        break;
      }
      case 'clusters':
        evidence = { ...evidence, clusters: context.vouched ? 'vouched' : 'unknown' };
        break;
    }
  }
  return { evidence, ...NOTHING_BESIDES, ...besides };
}

const NOTHING_BESIDES: Omit<Gathered, 'evidence'> = {
  ...{ confirmed: undefined, scanned: undefined, behind: NONE_STALE, leftOut: [], nameless: [], unprobed: [] },
};

function sinceOf({ consumers }: Evidence): Date | undefined {
  return consumers?.status === 'current' ? consumers.at : undefined;
}

function isClosedAlready({ consumers, singleReaders = [] }: Evidence): boolean {
  return singleReaders.length > 0 || (consumers !== undefined && consumers.status !== 'current');
}
