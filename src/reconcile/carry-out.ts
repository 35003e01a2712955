import type { Change } from './plan/change.ts';
import { refuseBlocked } from './plan/refusals.ts';
import type { ApplyPorts } from './ports.ts';
import type { SpecRequest } from './read/read-installation.ts';
import { planReconcile, reconcile } from './reconcile.ts';
import { changeRequest } from './request.ts';

export async function carryOut(change: Change, spec: SpecRequest, ports: ApplyPorts): Promise<void> {
  const request = changeRequest(change, spec);
  const plan = await planReconcile(request, ports);
  refuseBlocked(plan);
  await reconcile(plan, request, ports);
}
