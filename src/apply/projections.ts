import { issueCertificate } from '../certificate/issue.ts';
import { readSingle } from '../certificate/read.ts';
import { decodePrivateKey, encodePrivateKey } from '../crypto/private-key.ts';
import type { IssuedProjection, LeafPem } from '../inventory/kind.ts';
import { ANNOTATION, annotations, labels } from '../ledger/metadata.ts';
import { activeOf, ringOf } from '../ledger/ring.ts';
import { entry, utf8 } from '../ledger/text.ts';
import type { AssessedProjection, Assessment } from '../plan/assess.ts';
import type { Entries, NewObject, StoredObject } from '../ports/key-store.ts';
import { formatRef } from '../ports/object-ref.ts';
import { Moved } from './errors.ts';
import { inParallel } from './gather.ts';
import type { Material } from './material.ts';
import type { ApplyPorts } from './ports.ts';
import { readBack, type WrittenRecord } from './record.ts';

const PARALLEL = 8;

/**
 * Writes every projection that is not as it should be, and then reads the record again: where it moved on meanwhile,
 * what was written may be old already, and Moved is thrown.
 */
export async function writeProjections(
  assessment: Assessment,
  written: WrittenRecord,
  material: Material,
  ports: ApplyPorts,
): Promise<void> {
  const stale = assessment.projections.filter(({ outcome }) => outcome.action !== 'keep');
  if (stale.length === 0) return;
  ports.emit({ type: 'started', phase: 'projections', total: stale.length });
  let done = 0;
  await inParallel(stale, PARALLEL, async (assessed) => {
    const entries = await entriesOf(assessed, assessment, material, ports);
    await writeProjection(assessed, entries, assessment, written, ports);
    ports.emit({ type: 'advanced', phase: 'projections', done: ++done, total: stale.length });
  });
  ports.emit({ type: 'finished', phase: 'projections' });
  const now = await readBack(ports.store, assessment.snapshot.spec.ledgerNamespace);
  if (now?.record.generation !== written.record.generation) throw new Moved('the record moved on');
}

async function entriesOf(
  { projection, leaf }: AssessedProjection,
  assessment: Assessment,
  material: Material,
  ports: ApplyPorts,
): Promise<Entries> {
  if (projection.source === 'computed') return projection.compute(assessment.rings);
  const found = foundOf(projection, assessment);
  if (leaf?.reissue === false && found !== undefined) {
    return projection.assemble(
      { certificate: entry(found.data, 'tls.crt'), key: entry(found.data, 'tls.key') },
      assessment.rings,
    );
  }
  return projection.assemble(await issueLeaf(projection, assessment, material, ports), assessment.rings);
}

/** Signs a new leaf with the active version of its CA, which has been read back from the ledger. */
async function issueLeaf(
  { ref, profile }: IssuedProjection,
  { rings, installationId }: Assessment,
  material: Material,
  { random, clock }: ApplyPorts,
): Promise<LeafPem> {
  const issuer = activeOf(ringOf(rings, profile.issuer)).material.entries;
  const key = await material.leafKey(formatRef(ref));
  const certificate = issueCertificate({
    use: 'leaf',
    subject: { commonName: profile.commonName, organization: 'palette-keys', organizationalUnit: installationId ?? '' },
    subjectKey: key,
    serial: random.bytes(16),
    now: clock.now(),
    validitySeconds: profile.validitySeconds,
    dnsNames: profile.dnsNames,
    ipAddresses: profile.ipAddresses,
    issuer: {
      certificate: readSingle(entry(issuer, 'tls.crt')).x509,
      key: decodePrivateKey(entry(issuer, 'key.pem')),
    },
  });
  return { certificate: utf8(certificate), key: encodePrivateKey(key) };
}

async function writeProjection(
  { projection, outcome }: AssessedProjection,
  entries: Entries,
  assessment: Assessment,
  { record }: WrittenRecord,
  { store, toolVersion, signal }: ApplyPorts,
): Promise<void> {
  const name = formatRef(projection.ref);
  const found = assessment.snapshot.projections.get(name);
  // An update keeps what others added to the object; a restore writes all of it anew.
  const kept = outcome.action === 'update' ? foundOf(projection, assessment) : undefined;
  const object: NewObject = {
    ref: projection.ref,
    type: projection.type,
    immutable: false,
    labels: { ...kept?.labels, ...labels(record.installationId, projection.kind) },
    annotations: {
      ...kept?.annotations,
      ...annotations(toolVersion),
      [ANNOTATION.generation]: String(record.generation),
    },
    data: { ...kept?.data, ...entries },
  };
  signal.throwIfAborted();
  const result = found === undefined ? await store.create(object) : await store.replace(object, found.version);
  if (result === 'exists' || result === 'conflict') throw new Moved(`${name} was changed by another run`);
}

function foundOf({ ref }: { readonly ref: AssessedProjection['projection']['ref'] }, { snapshot }: Assessment) {
  const found = snapshot.projections.get(formatRef(ref));
  return found?.damage === undefined ? (found as StoredObject | undefined) : undefined;
}
