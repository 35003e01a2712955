import type { InstallationSpec } from '../installation/spec.ts';
import type { Facts, KindId, Material } from '../ledger/entry.ts';
import type { Ring, Rings, State } from '../ledger/ring.ts';
import type { Entries } from '../ports/key-store.ts';
import type { ObjectRef } from '../ports/object-ref.ts';
import type { Random } from '../ports/random.ts';

/** Material that is ready but for what only the ledger can tell: the installation, the number of the version, the others. */
export interface Draft {
  finish(version: {
    readonly installationId: string;
    readonly n: number;
    readonly now: Date;
    /** The versions that there are already. */
    readonly ring: Ring;
  }): Material;
}

/** Names of the entries that one version is made of, besides those that every ledger entry has. */
export type EntryForm = readonly string[];

/** A kind of key whose versions stand in the ledger. */
export interface VersionedKind {
  readonly versioned: true;
  readonly id: KindId;
  readonly title: string;
  /** Kinds that must stand in the ledger before this one is written. */
  readonly dependsOn: readonly KindId[];
  readonly policy: LedgerPolicy;
  readonly isWanted?: IsWanted;
  /** The forms of its material in the ledger: for each the names of all its entries. Nothing else reads or lists them. */
  readonly forms: readonly EntryForm[];
  /** Makes a new key; the slow part, done ahead and in parallel. */
  generate(spec: InstallationSpec, random: Random): Promise<Draft>;
  /** Checks every part of the material against every other; `factsOf` checks its form too. Throws DamagedError. */
  inspect(material: Material): Facts;
  /** Why the active version is not what the spec asks for, in words, or undefined. Only a rotation can change that. */
  drift(active: { readonly material: Material; readonly facts: Facts }, spec: InstallationSpec): string | undefined;
  /**
   * How many seconds before the end of a version its rotation is due, unless it has used up two thirds of its life later; left
   * out by kinds whose keys do not end.
   */
  dueBefore?(spec: InstallationSpec): number;
  /** The objects that workloads mount; `rings` lacks the kind until it has a version. */
  projections(spec: InstallationSpec, rings: Rings): readonly Projection[];
  /** How a key that was made by hand or by a chart becomes version 1; undefined where nobody makes it by hand. */
  readonly adoption: Adoption | undefined;
}

/** What `init` may do about the versions of a kind, where it differs from the others. */
export interface LedgerPolicy {
  /** False where versions come in by a command of their own, as an imported certificate does: `init` makes none. */
  readonly madeByInit: boolean;
  /**
   * True where projections do not show every accepted version. Where the record is lost, a version that none of them shows may
   * still be in use: it counts as trusted then, not as retired.
   */
  readonly hidesAccepted: boolean;
  /** True where `init --adopt` may replace a lost key by a new one, because what it vouched for can be issued again. */
  readonly replaceable: boolean;
}

export interface Adoption {
  /** The Secret in which such a key is looked for. */
  from(spec: InstallationSpec): ObjectRef;
  /** The material in its entries, of which none but the key need be there. Throws DamagedError. */
  takeIn(entries: Entries, spec: InstallationSpec, now: Date): Material;
}

/** A kind of certificate that is issued from a CA of the ledger, and stands in its projection alone. */
export interface IssuedKind extends Pick<VersionedKind, 'id' | 'title' | 'dependsOn' | 'isWanted' | 'projections'> {
  readonly versioned: false;
}

/**
 * False where the installation does without the kind: nothing of it is made, rotated or projected, and what the ledger has
 * of it is kept. Without such a function every installation has the kind.
 */
type IsWanted = (spec: InstallationSpec) => boolean;

export type Kind = VersionedKind | IssuedKind;

interface ProjectionBase {
  /** The kind under which plans and `status` list it. */
  readonly kind: KindId;
  readonly ref: ObjectRef;
  readonly type: string | undefined;
  /** True where an object of another type that is there already keeps it: a type can never be changed. */
  readonly anyType?: true;
  /** Kinds whose versions it is computed from. */
  readonly from: readonly KindId[];
  /** Entries that it has at times: where they are not among the computed ones they are taken out. */
  readonly sometimes?: readonly string[];
}

/** An object that is a function of record, ledger and spec. */
export interface ComputedProjection extends ProjectionBase {
  readonly source: 'computed';
  compute(rings: Rings): Promise<Entries>;
  /** What stands in it. Throws DamagedError where an entry is missing, unparsable or contradicts its kid. */
  inspect(entries: Entries): Promise<readonly HeldKey[]> | readonly HeldKey[];
  /** What other entries mean to those that mount them, where their names do not say it. */
  meaning?(found: Entries, desired: Entries): string | undefined;
}

/** An object around a leaf certificate with a key of its own. */
export interface IssuedProjection extends ProjectionBase {
  readonly source: 'issued';
  readonly profile: LeafProfile;
  /** All entries, from the leaf and what surrounds it. */
  assemble(leaf: LeafPem, rings: Rings): Entries;
}

export type Projection = ComputedProjection | IssuedProjection;

/** A key found in a projection, identified by the kid that was computed from its bytes. */
export interface HeldKey {
  readonly kind: KindId;
  readonly kid: string;
  /** The state that the projection gives it; undefined where the projection does not say. */
  readonly state: State | undefined;
  /** Enough to rebuild the ledger entry; undefined where the projection holds but the public part. */
  readonly material: Material | undefined;
  /** What the projection has of one more version, whose kid that does not tell: an entry of its ledger entry. */
  readonly beside?: { readonly entry: string; readonly bytes: Uint8Array } | undefined;
}

export interface LeafProfile {
  readonly issuer: KindId;
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** Bits of the RSA modulus. */
  readonly keySize: number;
  readonly validitySeconds: number;
  /** Part of the life after which it is due for renewal. */
  readonly renewAt: number;
}

/** Certificate (PEM) and private key (PKCS#8 PEM). */
export interface LeafPem {
  readonly certificate: Uint8Array;
  readonly key: Uint8Array;
}
