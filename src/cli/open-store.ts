import { usageError } from '../errors.ts';
import { defaultSpec } from '../installation/defaults.ts';
import type { KeyStore } from '../ports/key-store.ts';
import { acceptClock } from '../reconcile/clock/accept.ts';
import { clockImplausible } from '../reconcile/clock/check.ts';
import { type ClockRules, guardClock } from '../reconcile/clock/guard.ts';
import { CLOCK_TOLERANCE_MS, type ClockDoubt, judgeClock } from '../reconcile/plan/judge-clock.ts';
import { applyPorts } from './apply-ports.ts';
import { otherCommand, sameCommand } from './command-line.ts';
import type { CliPorts, GlobalOptions, StoreUse } from './ports.ts';
import { formatTime } from './render/duration.ts';
import { palette } from './render/palette.ts';

const FLAG = '--accept-clock';

/** Judges the clock before every write; what only reads is warned. With --accept-clock the acceptance comes first. */
export async function openGuarded(
  command: string,
  ports: CliPorts,
  options: GlobalOptions,
  ledgerNamespace: () => string | undefined,
  use: StoreUse = 'dates',
): Promise<KeyStore> {
  checkAccepted(options, ports);
  const accepted = options.acceptClock !== undefined;
  const dryRun = options.dryRun || use === 'reads' || use === 'reports';
  const warn = warnOnce(ports);
  const doubt: ClockRules['doubt'] = (found, older) => {
    // `status` has a finding for it.
    if (use === 'reports' && found.reason === 'record') return;
    if (dryRun) return warn(found);
    throw clockImplausible(found, older ? migration(options, ports) : accepting(ports));
  };
  const early = judgeClock({ now: ports.clock.now(), releaseDate: ports.releaseDate });
  if (early !== undefined && !accepted) doubt(early, false);
  const store = await ports.openStore(options, ledgerNamespace);
  if (accepted && !dryRun) {
    // To migrate changes what exists.
    const rules = { migrates: use === 'migrates' && options.yes, migration: migration(options, ports) };
    const [found] = await store.ledgerNamespaces();
    const place = found ?? ledgerNamespace() ?? defaultSpec().ledgerNamespace;
    await acceptClock(place, rules, applyPorts(command, store, options, ports));
  }
  return guardClock(store, { clock: ports.clock, accepted, dryRun, doubt });
}

/** For a command that opens no store: the clock judges what it shows. Throws USAGE. */
export function warnOfClock(options: GlobalOptions, ports: CliPorts): void {
  checkAccepted(options, ports);
  const doubt = judgeClock({ now: ports.clock.now(), releaseDate: ports.releaseDate });
  if (doubt !== undefined && options.acceptClock === undefined) warnOnce(ports)(doubt);
}

/** This run's command, with its clock accepted. */
export function accepting({ argv, clock }: CliPorts): string {
  return sameCommand(argv, FLAG, formatTime(clock.now()));
}

/** The command that migrates an older record, and accepts the clock in the same run. */
function migration(options: GlobalOptions, { clock }: CliPorts): string {
  return otherCommand(['init', FLAG, formatTime(clock.now()), '--yes'], options);
}

/** Throws USAGE for a time that is no time, or not the clock's. */
function checkAccepted({ acceptClock: text }: GlobalOptions, { clock }: CliPorts): void {
  if (text === undefined) return;
  const now = clock.now();
  const hint = `if the clock is right: ${FLAG} ${formatTime(now)}`;
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const ms = isTime ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw usageError(`${FLAG} ${JSON.stringify(text)} is not a time (RFC 3339)`, hint);
  if (Math.abs(ms - now.getTime()) <= CLOCK_TOLERANCE_MS) return;
  throw usageError(`${FLAG} ${text} is not within five minutes of the clock, which says ${formatTime(now)}`, hint);
}

/** Also with -q: it is no note, and somebody has to act. */
function warnOnce({ terminal: { stderr, colour } }: CliPorts): (doubt: ClockDoubt) => void {
  let warned = false;
  return ({ message }) => {
    if (!warned) stderr.write(`palette-keys: ${palette(colour.stderr).warning('warning:')} ${message}\n`);
    warned = true;
  };
}
