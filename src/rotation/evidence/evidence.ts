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
  const { request: statements } = context;
  let evidence: Evidence = {};
  let confirmed: Gathered['confirmed'];
  let scanned: Gathered['scanned'];
  let behind = NONE_STALE;
  let leftOut: Gathered['leftOut'] = [];
  let nameless: Gathered['nameless'] = [];
  let unprobed: Gathered['unprobed'] = [];
  for (const request of requests) {
    switch (request.type) {
      case 'consumers': {
        const found = await consumersOf(request, context, statements, ports);
        evidence = { ...evidence, consumers: found.consumers };
        confirmed = found.confirmed;
        behind = found.behind ?? NONE_STALE;
        leftOut = found.leftOut ?? [];
        nameless = found.nameless ?? [];
        break;
      }
      case 'readers':
        {
          const found = await readers(context, ports);
          evidence = found === undefined ? evidence : { ...evidence, singleReaders: found };
        }
        break;
      case 'leaves':
        {
          const found = await leavesIssuedBy(request.issuer, context, statements, ports);
          evidence = { ...evidence, leaves: found.leaves };
          unprobed = found.unprobed;
        }
        break;
      case 'tenants':
        // A scan takes its time: it is made when it alone is left, and counts if it began after all consumers were current.
        if (isClosedAlready(evidence)) break;
        {
          const found = await tenantsEvidence(request, context, statements, ports, sinceOf(evidence));
          evidence = { ...evidence, tenants: found.tenants };
          scanned = found.scanned;
        }
        break;
      case 'census':
        // As a scan: what was counted before all consumers were current is no evidence.
        if (isClosedAlready(evidence)) break;
        {
          const { key, comparison } = context;
          const { spec } = comparison.snapshot;
          const isNone = request.onWord === true && statements.noTenantStore;
          const count = () => censusEvidence(key.versions, spec, statements.dryRun, ports);
          evidence = { ...evidence, census: isNone ? { status: 'none' } : await count() };
        }
        break;
      case 'users':
        if (isClosedAlready(evidence)) break;
        {
          const found = await usersEvidence(request, context, statements, ports, sinceOf(evidence));
          evidence = { ...evidence, users: found.users };
          scanned = found.scanned;
        }
        break;
      case 'clusters':
        evidence = { ...evidence, clusters: context.vouched ? 'vouched' : 'unknown' };
        break;
    }
  }
  return { evidence, confirmed, scanned, behind, leftOut, nameless, unprobed };
}

function sinceOf({ consumers }: Evidence): Date | undefined {
  return consumers?.status === 'current' ? consumers.at : undefined;
}

function isClosedAlready({ consumers, singleReaders = [] }: Evidence): boolean {
  return singleReaders.length > 0 || (consumers !== undefined && consumers.status !== 'current');
}
