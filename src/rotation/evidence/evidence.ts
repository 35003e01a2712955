import type { Evidence, EvidenceRequest } from '../gate.ts';
import { censusEvidence } from './census.ts';
import { type Confirmed, consumersOf, describeNameless, NOBODY, readers, type StaleConsumers } from './consumers.ts';
import { leavesIssuedBy } from './leaves.ts';
import type { EvidencePorts, Observation, Statements } from './observation.ts';
import { type ScanNote, tenantsEvidence } from './tenants.ts';
import { usersEvidence } from './users.ts';

/** Evidence for one step, and what of it has just been found out for the first time. */
export interface Gathered {
  readonly evidence: Evidence;
  /** A state of which all consumers were found to be current. */
  readonly confirmed: Confirmed | undefined;
  /** A first look that found nobody who needs the old version, or that the one before no longer counts. */
  readonly scanned: ScanNote | undefined;
  /** Pods that have not picked the change up. */
  readonly behind: StaleConsumers;
  /** Pods (`<namespace>/<name>`) that would be behind, but that somebody vouched for earlier. */
  readonly leftOut: readonly string[];
  /** Names to be left out that no Pod has. */
  readonly nameless: readonly string[];
  /** Endpoints that could not be looked at, in words. */
  readonly unprobed: readonly string[];
}

/** Gathers what a gate asks for. Reads alone. */
export async function gatherEvidence(
  requests: readonly EvidenceRequest[],
  observation: Observation,
  statements: Statements,
  ports: EvidencePorts,
): Promise<Gathered> {
  let evidence: Evidence = {};
  let confirmed: Gathered['confirmed'];
  let scanned: Gathered['scanned'];
  let behind = NOBODY;
  let leftOut: Gathered['leftOut'] = [];
  let nameless: Gathered['nameless'] = [];
  let unprobed: Gathered['unprobed'] = [];
  for (const request of requests) {
    switch (request.type) {
      case 'consumers': {
        const found = await consumersOf(request, observation, statements, ports);
        evidence = { ...evidence, consumers: found.consumers };
        confirmed = found.confirmed;
        behind = found.behind ?? NOBODY;
        leftOut = found.leftOut ?? [];
        nameless = found.nameless ?? [];
        break;
      }
      case 'readers':
        {
          const found = await readers(observation, ports);
          evidence = found === undefined ? evidence : { ...evidence, singleReaders: found };
        }
        break;
      case 'leaves':
        {
          const found = await leavesIssuedBy(request.issuer, observation, statements, ports);
          evidence = { ...evidence, leaves: found.leaves };
          unprobed = found.unprobed;
        }
        break;
      case 'tenants':
        // A scan takes its time: it is made when it alone is left, and counts if it began after all consumers were current.
        if (isClosedAlready(evidence)) break;
        {
          const found = await tenantsEvidence(request, observation, statements, ports, sinceOf(evidence));
          evidence = { ...evidence, tenants: found.tenants };
          scanned = found.scanned;
        }
        break;
      case 'census':
        // As a scan: what was counted before all consumers were current is no evidence.
        if (isClosedAlready(evidence)) break;
        {
          const { key, comparison } = observation;
          const { spec } = comparison.snapshot;
          const isNone = request.onWord === true && statements.noTenantStore;
          const count = () => censusEvidence(key.versions, spec, statements.dryRun, ports);
          evidence = { ...evidence, census: isNone ? { status: 'none' } : await count() };
        }
        break;
      case 'users':
        if (isClosedAlready(evidence)) break;
        {
          const found = await usersEvidence(request, observation, statements, ports, sinceOf(evidence));
          evidence = { ...evidence, users: found.users };
          scanned = found.scanned;
        }
        break;
      case 'clusters':
        evidence = { ...evidence, clusters: observation.vouched ? 'vouched' : 'unknown' };
        break;
    }
  }
  return { evidence, confirmed, scanned, behind, leftOut, nameless, unprobed };
}

/** What has to be said of the evidence, whatever is decided on it. */
export function remarksOn({ leftOut, nameless, unprobed }: Gathered): readonly string[] {
  return [
    ...leftOut.map((pod) => `left out on an earlier word: ${pod}`),
    ...nameless.map(describeNameless),
    ...unprobed,
  ];
}

/** When all consumers were found to be current. */
function sinceOf({ consumers }: Evidence): Date | undefined {
  return consumers?.status === 'current' ? consumers.at : undefined;
}

function isClosedAlready({ consumers, singleReaders = [] }: Evidence): boolean {
  return singleReaders.length > 0 || (consumers !== undefined && consumers.status !== 'current');
}
