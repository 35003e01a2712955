import type { ObjectRef } from '../ports/object-ref.ts';
import type { InstallationSpec } from './spec.ts';

export interface LedgerId {
  /** A kind's id, as `root-key`, or `message-bus-account-<tenant>`. */
  readonly kind: string;
  readonly n: number;
}

type Prefix = Pick<InstallationSpec, 'namePrefix'>;

/** `palette-key-root-key-v1`. */
export function ledgerName(spec: Prefix, kind: string, n: number): string {
  return `${spec.namePrefix}key-${kind}-v${n}`;
}

export function ledgerSecret(spec: InstallationSpec, kind: string, n: number): ObjectRef {
  return { kind: 'Secret', namespace: spec.ledgerNamespace, name: ledgerName(spec, kind, n) };
}

/** The inverse of `ledgerName`; undefined for a name that it never gives. */
export function parseLedgerName(spec: Prefix, name: string): LedgerId | undefined {
  const start = `${spec.namePrefix}key-`;
  if (!name.startsWith(start)) return undefined;
  const match = /^([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)-v([1-9][0-9]{0,14})$/.exec(name.slice(start.length));
  const [, kind, n] = match ?? [];
  return kind === undefined || n === undefined ? undefined : { kind, n: Number(n) };
}
