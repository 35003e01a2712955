import { decideImport } from '../../../src/certificate/import/decide.ts';
import type { ImportDecision, ImportRequest } from '../../../src/certificate/import/types.ts';
import type { Made } from '../../support/openssl-pki.ts';

const DAY = 86_400_000;

/** The time of the system's clock, which openssl made the certificates at, and days after. */
export function daysFromNow(days: number): Date {
  return new Date(Date.now() + 1000 + days * DAY);
}

export const found = (source: string) => (certificate: Pick<Made, 'x509'>, i: number) => ({
  x509: certificate.x509,
  source: `${source}, certificate ${i + 1}`,
});

/** An import of these certificates with the first one's key, for palette.example.org, trusting `given`. */
export function decide(
  certificates: readonly Made[],
  given: readonly Made[],
  wish: Partial<ImportRequest> & { pinned?: readonly string[]; roots?: readonly string[] } = {},
): Promise<ImportDecision> {
  const { pinned = [], roots = [], ...rest } = wish;
  return decideImport({
    certificates: certificates.map(found('chain.pem')),
    keys: certificates.slice(0, 1).map(({ key }) => ({ key, source: 'key.pem' })),
    anchors: { given: given.map(found('ca.pem')), pinned, roots },
    fqdn: ['palette.example.org'],
    previousFqdn: [],
    rootDomain: undefined,
    replaced: undefined,
    allow: [],
    now: daysFromNow(0),
    ...rest,
  });
}

export function errorsOf({ findings }: ImportDecision): readonly string[] {
  return [...new Set(findings.filter(({ severity }) => severity === 'error').map(({ code }) => code))];
}

export function warningsOf({ findings }: ImportDecision): readonly string[] {
  return [...new Set(findings.filter(({ severity }) => severity === 'warning').map(({ code }) => code))];
}
