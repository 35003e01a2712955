import { type ImportFinding, importFinding } from '../certificate/import/finding.ts';
import type { FoundKey } from '../certificate/import/types.ts';
import { decodePrivateKey } from '../crypto/private-key.ts';
import { notInstalled, PaletteKeysError, unlessDamaged } from '../errors.ts';
import { ingressSecret } from '../installation/names.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import { factsOf } from '../inventory/forms.ts';
import { fqdnCertificate, fqdnMaterial, leafOf, materialOfSecret } from '../inventory/kinds/fqdn-certificate.ts';
import type { LedgerEntry, Material } from '../ledger/entry.ts';
import { isManaged } from '../ledger/metadata.ts';
import type { VersionRecord } from '../ledger/record.ts';
import type { State } from '../ledger/ring.ts';
import { entry } from '../ledger/text.ts';
import type { Clock } from '../ports/clock.ts';
import type { KeyStore, StoredObject } from '../ports/key-store.ts';
import { formatRef } from '../ports/object-ref.ts';
import { leftIn } from '../reconcile/plan/apply-change.ts';
import { type Change, inspectOnly } from '../reconcile/plan/change.ts';
import { readComparison } from '../reconcile/read/read-comparison.ts';
import type { SpecRequest } from '../reconcile/read/read-installation.ts';
import { changeRequest } from '../reconcile/request.ts';

export const FQDN = 'fqdn-certificate';
const CERT_MANAGER = 'cert-manager.io/certificate-name';

/** What stands at the front door now, and what the ledger has for it. */
export interface IngressCertificate {
  readonly spec: InstallationSpec;
  readonly generation: number;
  readonly ready: boolean;
  readonly versions: readonly VersionRecord[];
  /** Certificates that interrupted imports left in the ledger, and the record does not know. */
  readonly left: readonly LedgerEntry[];
  /** Keys that `csr` made, the newest first. */
  readonly keys: readonly FoundKey[];
  /** The Secret that the ingress controller reads, if it is there and can be read. */
  readonly secret: StoredObject | undefined;
  /** The pair in it, whoever wrote it; undefined where it holds none that could come back. */
  readonly held: Material | undefined;
}

/** Reads. Throws NOT_INSTALLED and REFUSED where there is no sound record to write an import into. */
export async function readIngressCertificate(
  { store, clock }: { readonly store: KeyStore; readonly clock: Clock },
  spec: SpecRequest,
): Promise<IngressCertificate> {
  const found = await readComparison(changeRequest(inspectOnly(FQDN), spec), { store, clock });
  const { snapshot, record, rings, ledger } = found;
  if (record.status === 'missing' && snapshot.ledger.length === 0)
    throw notInstalled(store, 'palette-keys init makes one; --verify-only checks a certificate without any');
  if (record.status !== 'sound') throw recordGone();
  const object = snapshot.projections.get(formatRef(ingressSecret(record.record.spec)));
  const secret = object?.damage === undefined ? (object as StoredObject | undefined) : undefined;
  const held = unlessDamaged(
    () => secret && materialOfSecret(secret.data),
    () => undefined,
  );
  const keys = [...(rings.get('fqdn-key') ?? [])].reverse().map(({ n, material }) => ({
    key: decodePrivateKey(entry(material.entries, 'key.pem')),
    source: `the key that csr made (version ${n})`,
  }));
  const { generation, ready, spec: recorded } = record.record;
  const known = record.record.keys[FQDN];
  const left = leftIn(fqdnCertificate, ledger.get(FQDN) ?? [], known);
  return {
    spec: recorded,
    generation,
    ready,
    versions: known?.versions ?? [],
    left,
    keys,
    secret,
    held,
  };
}

export function servedLeaf({ held }: IngressCertificate) {
  return held === undefined ? undefined : leafOf(held).x509;
}

/** cert-manager would write its own certificate over the imported one at its next renewal. */
export function ownership({ secret, spec }: IngressCertificate, allow: readonly string[]): readonly ImportFinding[] {
  const certificate = secret?.annotations[CERT_MANAGER];
  if (certificate === undefined) return [];
  const found = importFinding(
    'CERT_MANAGER_OWNED',
    formatRef(ingressSecret(spec)),
    `cert-manager keeps this Secret for its Certificate ${certificate}, and would write over what is imported.`,
    'Delete that Certificate, or point it at another Secret; --allow CERT_MANAGER_OWNED imports all the same.',
  );
  return [allow.includes(found.code) ? { ...found, severity: 'warning' } : found];
}

/** What an import asks for, or undefined where the very same certificate stands there already. */
export function importChange(
  ingress: IngressCertificate,
  pair: { certificate: Uint8Array; key: Uint8Array },
): Change | undefined {
  const { versions, held, secret, generation, ready } = ingress;
  const material = fqdnMaterial(pair);
  const kid = kidOf(material);
  const same = versions.find((version) => version.kid === kid && version.state !== 'destroyed');
  const stands = secret !== undefined && held !== undefined && isSame(held, material) && isManaged(secret);
  if (same?.state === 'active' && stands && ready) return undefined;
  const known = new Set(versions.map((version) => version.kid));
  const before = held !== undefined && kidOf(held) !== kid && !known.has(kidOf(held)) ? [held] : [];
  const moves = new Map<number, State>();
  if (same?.state !== 'active') {
    for (const { n, state } of versions) {
      if (state === 'active') moves.set(n, 'trusted');
      if (state === 'trusted') moves.set(n, 'retired');
    }
    if (same !== undefined) moves.set(same.n, 'active');
  }
  const imported = same === undefined ? [{ state: 'active' as const, material }] : [];
  // What stands there now was not imported by palette-keys: it is kept, so that it can come back.
  const adds = [...before.map((each) => ({ state: 'trusted' as const, material: each })), ...imported];
  return { ...inspectOnly(FQDN), generation, adds, moves, overwrites: true, whole: !ready };
}

/** Records what interrupted imports left, and this one is not about: it can be imported again. Undefined where there is none. */
export function recordLeft({ left, generation }: IngressCertificate): Change | undefined {
  if (left.length === 0) return undefined;
  return { ...inspectOnly(FQDN), generation, adds: left.map(({ material }) => ({ state: 'retired', material })) };
}

/** Back to the certificate before: the newest trusted one. Undefined where there is none. */
export function rollbackChange({ versions, generation, ready }: IngressCertificate): Change | undefined {
  const active = versions.find(({ state }) => state === 'active');
  const previous = versions.findLast(({ state }) => state === 'trusted');
  if (active === undefined || previous === undefined) return undefined;
  const moves = new Map<number, State>([
    [active.n, 'trusted'],
    [previous.n, 'active'],
  ]);
  return { ...inspectOnly(FQDN), generation, moves, overwrites: true, whole: !ready };
}

function kidOf(material: Material): string {
  return factsOf(fqdnCertificate, material).kid;
}

function isSame(a: Material, b: Material): boolean {
  return Buffer.compare(entry(a.entries, 'tls.crt'), entry(b.entries, 'tls.crt')) === 0;
}

function recordGone(): PaletteKeysError {
  return new PaletteKeysError('REFUSED', 'the record of the installation is lost or damaged', {
    hint: 'palette-keys status says what is wrong; palette-keys init rebuilds it',
  });
}
