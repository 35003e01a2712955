import { escrowHook } from '../../backup/escrow.ts';
import { type ExitCode, PaletteKeysError } from '../../errors.ts';
import { type GivenSpec, wholeSpec } from '../../installation/given.ts';
import { refuseSystemNamespace } from '../../installation/system-namespace.ts';
import type { KeyStore } from '../../ports/key-store.ts';
import { preflight } from '../../reconcile/access/preflight.ts';
import { offersOf } from '../../reconcile/plan/findings/offers.ts';
import { blockers, type ReconcilePlan } from '../../reconcile/plan/plan-changes.ts';
import { refuseBlocked } from '../../reconcile/plan/refusals.ts';
import { planReconcile, reconcile } from '../../reconcile/reconcile.ts';
import type { ReconcileRequest } from '../../reconcile/request.ts';
import { accessIfWhole } from '../../tenants/see.ts';
import { explainingDenials, refuseDenied } from '../access.ts';
import { applyPorts } from '../apply-ports.ts';
import type { CliPorts, InitOptions } from '../ports.ts';
import { progressBar } from '../progress-bar.ts';
import { writeDocument } from '../render/document.ts';
import { renderFindings } from '../render/findings.ts';
import { palette } from '../render/palette.ts';
import { writeMessage } from '../report-error.ts';
import { lookAtTenants } from '../see-tenants.ts';
import { readSpecFile } from '../spec-file.ts';
import { uriOf } from '../tenant-database.ts';
import { initDocument } from './document.ts';
import { renderOutcome, renderPlan, summarize } from './render.ts';

export async function runInit(options: InitOptions, ports: CliPorts): Promise<ExitCode> {
  const file = await readSpecFile(options, ports);
  // Once: what a pipe gives is gone after that.
  const uri = await uriOf(options, ports);
  const store = await ports.openStore(options, () => file?.ledgerNamespace, 'migrates');
  const asked: ReconcileRequest = {
    spec: { spec: file, namespace: options.namespace },
    intent: { type: intentOf(options) },
    migrates: true,
    escrow: await escrowOf(options, ports),
    createNamespaces: store.cluster === undefined || options.createNamespaces,
  };
  const { type } = asked.intent;
  const apply = applyPorts(type === 'complete' ? 'init' : `init --${type}`, store, options, ports);
  const preview: Preview = async (input) => {
    const plan = await explainingDenials('init', () => planReconcile(input, apply), store, file, ports);
    if (plan.installationId === undefined) refuseSystemNamespace(plan.spec, options.config ?? 'the spec');
    const access = () => accessIfWhole(plan.spec.ledgerNamespace, { store, clock: ports.clock });
    const seen = await lookAtTenants(plan.spec, uri, options, access, ports);
    if (seen === undefined) return { plan, input };
    const informed = { ...input, seen };
    return { plan: await planReconcile(informed, apply), input: informed };
  };
  const { plan, input } = await preview(asked);
  await checkCluster(plan, options, store, ports);
  const { plan: agreed, input: settled } = await settle({ plan, input }, preview, options, store, ports);
  if (blockers(agreed.steps).length > 0) return refuse(agreed, options, store, ports);
  if (options.dryRun) return write(withOffers(agreed, file), options, store, ports);
  if (!agreed.changes) return write(agreed, options, store, ports);
  const bar = progressBar(ports.terminal, options.quiet);
  try {
    const done = await reconcile(agreed, settled, { ...apply, emit: bar.emit });
    bar.clear();
    return await write(done, options, store, ports);
  } finally {
    bar.clear();
  }
}

function withOffers(plan: ReconcilePlan, file: GivenSpec | undefined): ReconcilePlan {
  if (plan.installationId === undefined) return plan;
  return { ...plan, findings: [...plan.findings, ...offersOf(plan.spec, file)] };
}

interface Planned {
  readonly plan: ReconcilePlan;
  readonly input: ReconcileRequest;
}

type Preview = (input: ReconcileRequest) => Promise<Planned>;

/** Nothing is generated for a cluster that would not take it. */
async function checkCluster(
  plan: ReconcilePlan,
  options: InitOptions,
  store: KeyStore,
  ports: CliPorts,
): Promise<void> {
  if (store.cluster === undefined || !plan.changes || blockers(plan.steps).length > 0 || options.dryRun) return;
  const { createNamespaces } = options;
  const denied = await preflight(store.cluster, plan, { createNamespaces, clock: ports.clock });
  if (denied !== undefined) await refuseDenied(denied, ports);
}

function intentOf({ adopt, restore }: InitOptions): 'adopt' | 'restore' | 'complete' {
  if (adopt) return 'adopt';
  return restore ? 'restore' : 'complete';
}

async function escrowOf({ escrow, escrowFile }: InitOptions, ports: CliPorts): Promise<ReconcileRequest['escrow']> {
  if (escrow === undefined || escrowFile === undefined) return undefined;
  const to = { kind: 'recipients', recipients: escrow } as const;
  return escrowHook({ ...(await ports.loadBackupPorts()), file: escrowFile, to });
}

/** The plan that was agreed to; on a terminal without any spec the wizard makes the spec first. */
async function settle(
  { plan, input }: Planned,
  preview: Preview,
  options: InitOptions,
  store: KeyStore,
  ports: CliPorts,
): Promise<Planned> {
  const { terminal } = ports;
  const asks =
    terminal.interactive && !options.yes && !options.dryRun && plan.changes && blockers(plan.steps).length === 0;
  if (!asks) {
    if (plan.confirm.length > 0 && !options.dryRun && !options.yes && blockers(plan.steps).length === 0)
      throw askedFor(plan);
    if (blockers(plan.steps).length === 0) showPlan(plan, options, ports);
    return { plan, input };
  }
  const isNew = plan.installationId === undefined;
  if (isNew && input.spec.spec === undefined) {
    const { askForSpec } = await import('./prompts.ts');
    const spec = await askForSpec(input.spec.namespace, ports);
    return preview({ ...input, spec: { spec: wholeSpec(spec), namespace: undefined } });
  }
  showPlan(plan, { ...options, quiet: false }, ports);
  const { confirm } = await import('../prompts/confirm.ts');
  await confirm(question(plan, store), ports);
  return { plan, input };
}

function question({ steps, confirm, sweeps }: ReconcilePlan, { location }: KeyStore): string {
  const created = steps.filter(({ action }) => action === 'create' || action === 'restore').length;
  const swept = sweeps.length > 0 ? [`delete ${sweeps.length} temp files of earlier runs`] : [];
  const acts = [...confirm, ...(created > 0 ? [`write ${created} objects`] : []), ...swept];
  return `${acts.join(', ') || 'complete the interrupted run'} in ${location}?`;
}

function askedFor(plan: ReconcilePlan): PaletteKeysError {
  return new PaletteKeysError('CONFIRMATION_NEEDED', `this run would ${plan.confirm.join(', and ')}`, {
    hint: 'look at it with --dry-run, then give --yes',
    details: plan.steps.flatMap(({ replaces, action, code, ref, reason }) =>
      replaces === true || (action === 'create' && code !== undefined)
        ? [{ message: `${action} ${ref.kind}/${ref.namespace}/${ref.name}: ${reason}` }]
        : [],
    ),
  });
}

function showPlan(plan: ReconcilePlan, options: InitOptions, { terminal }: CliPorts): void {
  if (options.quiet || !plan.changes) return;
  terminal.stderr.write(renderPlan(plan, options.verbose, palette(terminal.colour.stderr)));
}

async function refuse(plan: ReconcilePlan, options: InitOptions, store: KeyStore, ports: CliPorts): Promise<ExitCode> {
  try {
    refuseBlocked(plan);
  } catch (error) {
    if (!(error instanceof PaletteKeysError)) throw error;
    await writeMessage(error, ports);
    await writeResult(plan, options, store, ports);
    return error.exit;
  }
  throw new Error('a plan without a blocked step was refused');
}

async function write(plan: ReconcilePlan, options: InitOptions, store: KeyStore, ports: CliPorts): Promise<ExitCode> {
  await writeResult(plan, options, store, ports);
  const { stderr, colour } = ports.terminal;
  if (options.quiet) return 0;
  const paint = palette(colour.stderr);
  if (options.output === 'table') stderr.write(renderFindings(plan.findings, paint));
  if (!options.dryRun && plan.changes) stderr.write(`Next: ${paint.strong(`palette-keys status${where(options)}`)}\n`);
  return 0;
}

async function writeResult(
  plan: ReconcilePlan,
  options: InitOptions,
  store: KeyStore,
  { terminal }: CliPorts,
): Promise<void> {
  if (await writeDocument(initDocument(plan, store, options.dryRun), options.output, terminal)) return;
  if (blockers(plan.steps).length > 0) return;
  const paint = palette(terminal.colour.stdout);
  const done = options.dryRun ? 'Would be done' : 'Done';
  const made = plan.changes ? done : 'Nothing to do';
  terminal.stdout.write(`${renderOutcome(plan, paint)}\n${made} in ${store.location}: ${summarize(plan.steps)}.\n`);
}

function where({ dir }: InitOptions): string {
  if (dir === undefined) return '';
  return /^[\w./-]+$/.test(dir) ? ` --dir ${dir}` : ` --dir '${dir.replaceAll("'", "'\\''")}'`;
}
