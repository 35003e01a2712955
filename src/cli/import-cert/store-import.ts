import { type ExitCode, PaletteKeysError } from '../../errors.ts';
import type { Examination, ImportInput } from '../../front-door/examine.ts';
import {
  type IngressCertificate,
  importChange,
  ownership,
  readIngressCertificate,
  recordLeft,
  servedLeaf,
} from '../../front-door/ingress-certificate.ts';
import type { GivenSpec } from '../../installation/given.ts';
import { ingressSecret } from '../../installation/names.ts';
import { formatRef } from '../../ports/object-ref.ts';
import { preflight } from '../../reconcile/access/preflight.ts';
import { carryOut } from '../../reconcile/carry-out.ts';
import type { ReconcilePlan } from '../../reconcile/plan/plan-changes.ts';
import { refuseBlocked } from '../../reconcile/plan/refusals.ts';
import { planReconcile, reconcile } from '../../reconcile/reconcile.ts';
import { changeRequest } from '../../reconcile/request.ts';
import { explainingDenials, refuseDenied } from '../access.ts';
import { applyPorts } from '../apply-ports.ts';
import { renderPlan } from '../init/render.ts';
import type { CliPorts, ImportOptions } from '../ports.ts';
import { palette } from '../render/palette.ts';
import { examined, namesToCover } from './examined.ts';
import type { ProbeAddress } from './input.ts';
import { proveServed } from './probe.ts';
import { renderExamination } from './render.ts';
import { reportImport } from './report.ts';

/** Judges with what the store knows, shows what would be written, asks where something exists, writes, and waits if asked. */
export async function storeImport(
  input: Omit<ImportInput, 'fqdn'>,
  { target, file }: { readonly target: ProbeAddress | undefined; readonly file: GivenSpec | undefined },
  options: ImportOptions,
  ports: CliPorts,
): Promise<ExitCode> {
  const store = await ports.openStore(options, () => file?.ledgerNamespace);
  const spec = { spec: undefined, namespace: options.namespace, ledgerNamespace: file?.ledgerNamespace };
  const read = () => readIngressCertificate({ store, clock: ports.clock }, spec);
  const ingress = await explainingDenials('import-cert', read, store, file, ports);
  const stored = {
    rootDomain: ingress.spec.rootDomain ?? undefined,
    keys: ingress.keys,
    replaced: servedLeaf(ingress),
  };
  const fqdn = namesToCover(options, ingress.spec);
  const judged = await examined({ ...input, fqdn }, stored, options, ports);
  const owned = ownership(ingress, options.allow ?? []);
  const examination = {
    ...judged,
    decision: { ...judged.decision, findings: [...judged.decision.findings, ...owned] },
  };
  const object = formatRef(ingressSecret(ingress.spec));
  if (examination.decision.pair === undefined || owned.some(({ severity }) => severity === 'error'))
    return reportImport(examination, { object }, options, ports);
  const change = importChange(ingress, examination.decision.pair);
  const apply = applyPorts('import-cert', store, options, ports);
  if (change === undefined) {
    const left = recordLeft(ingress);
    // Changes nothing that workloads mount.
    if (left !== undefined && !options.dryRun) await carryOut(left, spec, apply);
    return reportImport(examination, { object, same: true }, options, ports);
  }
  const run = { ...changeRequest(change, spec), createNamespaces: store.cluster === undefined };
  const plan = await planReconcile(run, apply);
  refuseBlocked(plan);
  if (store.cluster !== undefined) {
    const denied = await preflight(store.cluster, plan, { createNamespaces: false, clock: ports.clock });
    if (denied !== undefined) await refuseDenied(denied, ports);
  }
  if (options.dryRun) return reportImport(examination, { object, dryRun: true, change }, options, ports);
  const shown = await agree(plan, ingress, examination, options, ports);
  await reconcile(plan, run, apply);
  if (target !== undefined) {
    const fingerprint = examination.decision.leaf?.fingerprint ?? '';
    await proveServed(
      { ...target, servername: fqdn[0] ?? target.host },
      fingerprint,
      { run, apply, object },
      options,
      ports,
    );
  }
  return reportImport(examination, { object, shown, change }, options, ports);
}

/** Shows what would be written, and asks; true where the certificate was shown too. */
async function agree(
  plan: ReconcilePlan,
  { secret }: IngressCertificate,
  examination: Examination,
  options: ImportOptions,
  ports: CliPorts,
): Promise<boolean> {
  const { terminal } = ports;
  const asks = terminal.interactive && !options.yes;
  if (!options.quiet || asks) {
    const paint = palette(terminal.colour.stderr);
    const changing = { ...plan, steps: plan.steps.filter(({ action }) => action !== 'keep') };
    const review = asks ? `${renderExamination(examination.decision, paint)}\n` : '';
    terminal.stderr.write(`${review}${renderPlan(changing, true, paint)}`);
  }
  if (options.yes || (secret === undefined && !asks && plan.confirm.length === 0)) return false;
  const acts = `${secret === undefined ? 'write' : 'replace the certificate in'} ${formatRef(ingressSecret(plan.spec))}`;
  if (!asks) {
    throw new PaletteKeysError('CONFIRMATION_NEEDED', `this run would ${acts}`, {
      hint: 'look at it with --dry-run, then give --yes',
    });
  }
  const { confirm } = await import('../prompts/confirm.ts');
  await confirm(`${acts}?`, ports);
  return true;
}
