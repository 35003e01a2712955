import { namespacesMissing } from '../access/preflight.ts';
import type { ApplyPorts } from '../ports.ts';
import type { ReconcileRequest } from '../request.ts';

/** Throws where namespaces are missing, and the run may not create them. */
export async function addNamespaces(
  missing: readonly string[],
  { createNamespaces }: ReconcileRequest,
  { store }: ApplyPorts,
): Promise<void> {
  if (missing.length === 0) return;
  if (createNamespaces !== true) throw namespacesMissing(missing);
  await store.addNamespaces(missing);
}
