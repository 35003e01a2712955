import { specInvalid, toDetail } from './parse/spec-invalid.ts';
import type { InstallationSpec } from './spec.ts';

/** Namespaces that Kubernetes itself and OpenShift keep for their own. */
const SYSTEM = /^(?:default|kube-.*|openshift(?:-.*)?)$/;

/** For a new installation alone: a ledger cannot move. Throws SPEC_INVALID; `source` is what messages call the spec. */
export function refuseSystemNamespace({ ledgerNamespace }: InstallationSpec, source: string): void {
  if (!SYSTEM.test(ledgerNamespace)) return;
  const message = `must not be ${ledgerNamespace}, a namespace of the system: others read Secrets and start Pods there`;
  const remedy = 'Give the ledger a namespace of its own.';
  const { message: said } = toDetail({ path: ['ledgerNamespace'], message });
  throw specInvalid(source, [{ message: `${source}: ${said}`, remedy }]);
}
