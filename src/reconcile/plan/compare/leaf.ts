import { canonicalIp } from '../../../certificate/ip-address.ts';
import { DamagedError } from '../../../errors.ts';
import type { IssuedProjection } from '../../../inventory/kind.ts';
import { formatTime } from '../../../ledger/entry.ts';
import { activeOf, type Ring, type RingVersion, ringOf } from '../../../ledger/ring.ts';
import { entry } from '../../../ledger/text.ts';
import type { StoredObject } from '../../../ports/key-store.ts';
import { formatRef } from '../../../ports/object-ref.ts';
import { changeOf } from '../intent.ts';
import { type LeafFacts, leafFacts } from './leaf-facts.ts';
import {
  damaged,
  foreignOutcome,
  hasMetadata,
  holds,
  isOurs,
  keysFirst,
  missing,
  notOurs,
  type Outcome,
  outdated,
  type ProjectionContext,
} from './projection.ts';
import { isOf, type Leaf, leafOf } from './read-leaf.ts';

export interface LeafAssessment {
  readonly outcome: Outcome;
  /** True where a new leaf is needed; false where at the most its surroundings are written anew. */
  readonly reissue: boolean;
  readonly leaf: LeafFacts | undefined;
}

export function compareLeaf(projection: IssuedProjection, context: ProjectionContext): LeafAssessment {
  const found = context.snapshot.projections.get(formatRef(projection.ref));
  if (found === undefined) return reissued(withIssuer(missing(projection, context), projection, context));
  if (!projection.from.every((kind) => context.rings.has(kind))) return reissued(keysFirst(projection, context));
  if (found.damage !== undefined) return reissued(withIssuer(damaged(found.damage), projection, context));
  try {
    return compareFound(projection, found, context);
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error;
    const outcome = isOurs(found, context) ? damaged(error.message) : notOurs(error.message);
    return reissued(withIssuer(outcome, projection, context));
  }
}

function compareFound(projection: IssuedProjection, found: StoredObject, context: ProjectionContext): LeafAssessment {
  const ring = ringOf(context.rings, projection.profile.issuer);
  const certificate = leafOf(found, ring);
  const key = entry(found.data, 'tls.key');
  const issuer = ring.find((version) => isOf(certificate, version));
  if (issuer === undefined) return reissued(foreignLeaf(certificate, found, context));
  const leaf = leafFacts(certificate, projection.profile);
  const reason = reasonToReissue(projection, certificate, issuer, ring, context);
  if (reason !== undefined && !waitsForNextCa(projection, context))
    return { outcome: withIssuer(reason, projection, context), reissue: true, leaf };
  const pem = { certificate: Buffer.from(certificate.pem, 'latin1'), key };
  const same =
    holds(found, projection.assemble(pem, context.rings), projection) && hasMetadata(found, projection, context);
  const outcome: Outcome = same ? { action: 'keep' } : outdated('what surrounds the certificate differs');
  return { outcome: { ...outcome, fingerprint: certificate.fingerprint }, reissue: false, leaf };
}

/** What an expired CA issues has expired already: then nothing is issued. */
function withIssuer(outcome: Outcome, projection: IssuedProjection, context: ProjectionContext): Outcome {
  const end = expiryOfIssuer(projection, context);
  if (end === undefined || outcome.action === 'blocked') return outcome;
  if (waitsForNextCa(projection, context)) return { action: 'keep' };
  return {
    action: 'blocked',
    reason: `${outcome.reason}; but its CA expired on ${formatTime(end)}, and the clock says ${formatTime(context.now)}`,
    code: 'CA_EXPIRED',
    remedy: `check the clock; if it is right: palette-keys rotate ${projection.profile.issuer}`,
  };
}

/** When the CA that would issue the leaf expired; undefined where it did not. */
function expiryOfIssuer({ profile }: IssuedProjection, { rings, now }: ProjectionContext): Date | undefined {
  const end = rings.get(profile.issuer)?.find(({ state }) => state === 'active')?.facts.notAfter;
  return end === undefined || end > now ? undefined : end;
}

/** True where the next CA has to be promoted first: the run must not be stopped by what it is there to end. */
function waitsForNextCa(projection: IssuedProjection, context: ProjectionContext): boolean {
  const change = changeOf(context.intent);
  if (change === undefined || change.kind === projection.kind) return false;
  return expiryOfIssuer(projection, context) !== undefined;
}

function reissued(outcome: Outcome): LeafAssessment {
  return { outcome, reissue: true, leaf: undefined };
}

/** A leaf that names one of our CAs but was not signed by it is damaged; any other issuer is somebody else's. */
function foreignLeaf(certificate: Leaf, found: StoredObject, context: ProjectionContext): Outcome {
  if (certificate.namesIssuer) throw new DamagedError('the signature of the certificate is wrong');
  const reason = `its certificate (${certificate.fingerprint}) was not issued by a CA of the ledger`;
  return foreignOutcome(reason, found, context, '');
}

function reasonToReissue(
  { profile }: IssuedProjection,
  certificate: Leaf,
  issuer: RingVersion,
  ring: Ring,
  { now, intent }: ProjectionContext,
): Outcome | undefined {
  const difference = sanDifference(certificate, profile);
  if (difference !== '') return outdated(`its names differ: ${difference}`, 'SAN_DRIFT');
  if (certificate.notAfter <= now) {
    return outdated(`it expired on ${formatTime(certificate.notAfter)}`, 'CERTIFICATE_EXPIRED');
  }
  if (changeOf(intent)?.reissues.has(certificate.fingerprint) === true) return outdated('it is rotated');
  if (issuer.n === activeOf(ring).n) return undefined;
  return outdated(`it was issued by ${issuer.kind} v${issuer.n}, the active version is v${activeOf(ring).n}`);
}

function sanDifference(certificate: Leaf, profile: IssuedProjection['profile']): string {
  const has = [...certificate.dnsNames, ...certificate.ipAddresses.map(canonicalIp)];
  const wanted = [...profile.dnsNames, ...profile.ipAddresses.map(canonicalIp)];
  const added = wanted.filter((name) => !has.includes(name)).map((name) => `+${name}`);
  const removed = has.filter((name) => !wanted.includes(name)).map((name) => `-${name}`);
  return [...added, ...removed].join(' ');
}
