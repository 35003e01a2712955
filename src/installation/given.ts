import type { InstallationSpec } from './spec.ts';

/** A spec as an operator gives it: what it leaves out is taken from the installation that is there. */
export interface GivenSpec {
  /** As written; undefined where it is left out. */
  readonly ledgerNamespace: string | undefined;
  /** As written; null says that there is none. */
  readonly rootDomain: string | null | undefined;
  /** Every field that is left out, as `jwt.algorithm`; a list is one field. */
  readonly leftOut: readonly string[];
  /** A field that is left out has the value of `recorded`, else the build's default. Throws SPEC_INVALID. */
  against(recorded: InstallationSpec | undefined): InstallationSpec;
}

export function wholeSpec(spec: InstallationSpec): GivenSpec {
  return { ledgerNamespace: spec.ledgerNamespace, rootDomain: spec.rootDomain, leftOut: [], against: () => spec };
}
