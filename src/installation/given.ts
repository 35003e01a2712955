import type { InstallationSpec } from './spec.ts';

/** A spec as an operator gives it: what it leaves out is taken from the installation that is there. */
export interface GivenSpec {
  /** As written; undefined where it is left out. */
  readonly ledgerNamespace: string | undefined;
  /** As written; null says that there is none. */
  readonly rootDomain: string | null | undefined;
  /** Every field that is left out, as `jwt.algorithm`; a list is one field. */
  readonly leftOut: readonly string[];
  /**
   * The whole spec: a field that is left out has the value of `recorded`, or without one the build's default.
   * @throws PaletteKeysError SPEC_INVALID for what breaks a rule once it is complete.
   */
  against(recorded: InstallationSpec | undefined): InstallationSpec;
}

/** A spec that leaves nothing out. */
export function wholeSpec(spec: InstallationSpec): GivenSpec {
  return { ledgerNamespace: spec.ledgerNamespace, rootDomain: spec.rootDomain, leftOut: [], against: () => spec };
}
