import { PaletteKeysError } from '../../errors.ts';
import type { Cluster } from '../../ports/cluster.ts';
import type { KeyStore } from '../../ports/key-store.ts';
import { preflight } from '../../reconcile/access/preflight.ts';
import type { KindId } from '../../rotation/kinds.ts';
import type { Loss, Proposal } from '../../rotation/perform/request.ts';
import { irrevocableLoss } from '../../rotation/perform/request.ts';
import { POLICIES } from '../../rotation/policy.ts';
import { refuseDenied } from '../access.ts';
import type { CliPorts, RotateOptions } from '../ports.ts';
import type { progressBar } from '../progress-bar.ts';
import { palette } from '../render/palette.ts';

/** What a consent is asked with. */
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

/** Asks before the first write of a kind; what follows in the same run was agreed to with it. */
export function agreeOnce({ options, ports, store, bar }: Asking): (proposal: Proposal) => Promise<void> {
  let agreed = false;
  let checked = false;
  return async ({ action, plan, irrevocable }) => {
    bar.clear();
    if (store.cluster !== undefined && plan !== undefined && !checked) {
      const denied = await preflight(store.cluster, plan, { createNamespaces: false, clock: ports.clock });
      if (denied !== undefined) await refuseDenied(denied, ports);
      if (options.destroy !== undefined) await checkDeletion(plan.spec.ledgerNamespace, store.cluster, ports);
    }
    if (irrevocable !== undefined) await agreeToLoss(irrevocable, options.yes, ports);
    else if (!agreed && !options.yes) await ask(`${action} in ${store.location}`, ports);
    agreed = true;
    checked ||= plan !== undefined;
    if (!options.quiet) ports.terminal.stderr.write(`${action}\n`);
  };
}

/** The record is never told that a key is destroyed by somebody who may not delete it. */
async function checkDeletion(namespace: string, cluster: Cluster, ports: CliPorts): Promise<void> {
  const needs = await cluster.denied([{ verb: 'delete', group: '', resource: 'secrets', namespace, name: undefined }]);
  if (needs.length > 0) await refuseDenied({ needs, user: await cluster.user() }, ports);
}

async function ask(action: string, ports: CliPorts): Promise<void> {
  if (!ports.terminal.interactive) {
    throw new PaletteKeysError('CONFIRMATION_NEEDED', `this run would ${action}`, {
      hint: 'look at it with the same command and --dry-run, then give --yes',
    });
  }
  const { confirm } = await import('../prompts/confirm.ts');
  await confirm(`${action}, and go on as far as is safe?`, ports);
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
