import { PaletteKeysError } from '../../errors.ts';
import type { Cluster } from '../../ports/cluster.ts';
import type { KeyStore } from '../../ports/key-store.ts';
import { preflight } from '../../reconcile/access/preflight.ts';
import type { KindId } from '../../rotation/kinds.ts';
import { POLICIES } from '../../rotation/policy.ts';
import type { CheckStep } from '../../rotation/rehearsal/rehearse.ts';
import { irrevocableLoss, type Loss, type Proposal, type RotateResult } from '../../rotation/rotate-request.ts';
import { refuseDenied } from '../access.ts';
import type { CliPorts, RotateOptions } from '../ports.ts';
import type { progressBar } from '../progress-bar.ts';
import { palette } from '../render/palette.ts';

interface Asking {
  readonly options: RotateOptions;
  readonly ports: CliPorts;
  readonly store: KeyStore;
  readonly bar: ReturnType<typeof progressBar>;
}

/** What breaks first is said before anything is asked. */
export function warnCompromised(kind: KindId, { options, ports: { terminal } }: Asking): void {
  const { breaks } = POLICIES[kind];
  if (!options.compromised || breaks.length === 0) return;
  const paint = palette(terminal.colour.stderr);
  terminal.stderr.write(`${paint.warning('what breaks first:')}\n${breaks.map((line) => `  - ${line}\n`).join('')}`);
}

/** Checks, before the first write of a kind, what would stop it later: access, namespaces, the clock. */
export function checkOnce({ options, ports, store }: Pick<Asking, 'options' | 'ports' | 'store'>): CheckStep {
  let checked = false;
  return async ({ plan }) => {
    if (store.cluster === undefined || plan === undefined || checked) return;
    const denied = await preflight(store.cluster, plan, { createNamespaces: false, clock: ports.clock });
    if (denied !== undefined) await refuseDenied(denied, ports);
    if (options.destroy !== undefined) await checkDeletion(plan.spec.ledgerNamespace, store.cluster, ports);
    checked = true;
  };
}

/** Asks before the first write of a kind, naming every step; what follows in the same run was agreed to with it. */
export function agreeOnce(
  asking: Asking,
  rehearsed: () => Promise<RotateResult>,
): (proposal: Proposal) => Promise<void> {
  const { options, ports, store, bar } = asking;
  const check = checkOnce(asking);
  let agreed = false;
  return async (proposal) => {
    const { action, irrevocable } = proposal;
    bar.clear();
    await check(proposal);
    if (irrevocable !== undefined) await agreeToLoss(irrevocable, options.yes, ports);
    else if (!agreed && !options.yes) await ask(action, store.location, await stepsAfter(action, rehearsed), ports);
    agreed = true;
    if (!options.quiet) ports.terminal.stderr.write(`${action}\n`);
  };
}

async function stepsAfter(action: string, rehearsed: () => Promise<RotateResult>): Promise<readonly string[]> {
  try {
    const { planned = [], waitingFor } = await rehearsed();
    const later = planned.slice(planned[0] === action ? 1 : 0).map((step) => `then ${step}`);
    return waitingFor === undefined ? later : [...later, `then it waits: ${waitingFor.reason}`];
  } catch (error) {
    // The run itself meets it, and says so; the first step was checked.
    if (error instanceof PaletteKeysError) return [];
    throw error;
  }
}

/** The record is never told that a key is destroyed by somebody who may not delete it. */
async function checkDeletion(namespace: string, cluster: Cluster, ports: CliPorts): Promise<void> {
  const needs = await cluster.denied([{ verb: 'delete', group: '', resource: 'secrets', namespace, name: undefined }]);
  if (needs.length > 0) await refuseDenied({ needs, user: await cluster.user() }, ports);
}

async function ask(action: string, place: string, later: readonly string[], ports: CliPorts): Promise<void> {
  if (!ports.terminal.interactive) {
    throw new PaletteKeysError('CONFIRMATION_NEEDED', `this run would ${action} in ${place}`, {
      hint: 'look at it with the same command and --dry-run, then give --yes',
      details: later.map((message) => ({ message })),
    });
  }
  const { confirm } = await import('../prompts/confirm.ts');
  ports.terminal.stderr.write(later.map((line) => `  - ${line}\n`).join(''));
  await confirm(`${action} in ${place}, and go on as far as is safe?`, ports);
}

async function agreeToLoss(loss: Loss, yes: boolean, ports: CliPorts): Promise<void> {
  const { terminal } = ports;
  if (loss.yields === true && yes) {
    terminal.stderr.write(`${palette(terminal.colour.stderr).warning('warning:')} ${loss.reason}\n`);
    return;
  }
  if (!terminal.interactive && loss.yields === true) {
    throw new PaletteKeysError('CONFIRMATION_NEEDED', loss.reason, { hint: loss.remedy });
  }
  if (!terminal.interactive) throw irrevocableLoss(loss);
  const { confirmByTyping } = await import('../prompts/confirm.ts');
  await confirmByTyping(`${loss.reason}. Type its kid to ${loss.deed}`, loss.kid, ports);
}
