import { applyRestore, previewRestore, type Restoration } from '../../backup/restore.ts';
import { type ExitCode, PaletteKeysError, usageError } from '../../errors.ts';
import { formatRef } from '../../ports/object-ref.ts';
import { recordByClock } from '../../reconcile/clock/accept.ts';
import { blockers, type ReconcilePlan, withDone } from '../../reconcile/plan/plan-changes.ts';
import { detailsOf } from '../../reconcile/plan/refusals.ts';
import type { ObjectStep } from '../../reconcile/plan/step.ts';
import { applyPorts } from '../apply-ports.ts';
import { shellWord } from '../command-line.ts';
import { countActions, renderPlan, summarize } from '../init/render.ts';
import { accepting } from '../open-store.ts';
import type { CliPorts, RestoreOptions } from '../ports.ts';
import { progressBar } from '../progress-bar.ts';
import { writeDocument } from '../render/document.ts';
import { renderFindings } from '../render/findings.ts';
import { renderKeys } from '../render/keys.ts';
import { palette } from '../render/palette.ts';
import { readOpenWith } from '../secrets.ts';
import { lookAtTenants } from '../see-tenants.ts';
import { uriOf } from '../tenant-database.ts';

export async function runRestore(options: RestoreOptions, ports: CliPorts): Promise<ExitCode> {
  const expect = digestIn(options.expect);
  const key = await readOpenWith(options, ports);
  const uri = await uriOf(options, ports);
  let ledgerNamespace: string | undefined;
  const store = await ports.openStore(options, () => ledgerNamespace, options.verify ? 'reads' : 'dates');
  const apply = applyPorts('restore', store, options, ports);
  const opened = await previewRestore(
    { file: options.file, key, namespace: options.namespace, expect },
    { ...apply, ...(await ports.loadBackupPorts()) },
    async (restored, access) =>
      options.tenantStore ? lookAtTenants(restored, uri, options, async () => access, ports) : undefined,
  );
  const restoration = options.verify || options.dryRun ? opened : byClock(opened, options, ports);
  const { plan, init } = restoration;
  if (restoration.isFormer) warnOfFormer(options, ports);
  ledgerNamespace = restoration.record.spec.ledgerNamespace;
  refuse([...plan.steps, ...init.steps]);
  const rehearsal = options.verify || options.dryRun;
  if (!options.quiet || (!rehearsal && !options.yes && ports.terminal.interactive)) {
    ports.terminal.stderr.write(originOf(restoration, expect !== undefined));
  }
  const restored = plan.steps.filter(({ action }) => action === 'create');
  if (rehearsal || (restored.length === 0 && !init.changes)) {
    const done = new Map(restored.map((step) => [formatRef(step.ref), step]));
    return write(restoration, { ...init, steps: withDone(init.steps, done) }, options, ports);
  }
  await agree(restoration, options, ports);
  const bar = progressBar(ports.terminal, options.quiet);
  try {
    const done = await applyRestore(restoration, { ...apply, emit: bar.emit });
    bar.clear();
    return await write(restoration, done, options, ports);
  } finally {
    bar.clear();
  }
}

/** Also with -q: somebody has to act. */
function warnOfFormer(options: RestoreOptions, { terminal: { stderr, colour } }: CliPorts): void {
  const { passphraseFile: file = '', dir } = options;
  const place = dir === undefined ? '' : ` --dir ${shellWord(dir)}`;
  stderr.write(
    `palette-keys: ${palette(colour.stderr).warning('warning:')} palette-keys 0.1.0 took more of ${file} than one line for the passphrase: no other program opens this backup. Write one line into a new file, and make a new backup:\n  palette-keys backup${place} --out NEW-BACKUP.age --passphrase-file NEW-PASSPHRASE.txt\n`,
  );
}

/** The hex digits of `--expect`. Throws USAGE. */
function digestIn(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const [, digits] = /^SHA256:([0-9a-f]{64})$/i.exec(text) ?? [];
  if (digits === undefined) {
    throw usageError(
      '--expect takes SHA256: and 64 hexadecimal digits',
      'give the digest as palette-keys backup printed it',
    );
  }
  return digits.toLowerCase();
}

/** Whose backup this seems to be. Whoever has the recipient, which is public, can make one that opens. */
function originOf({ installationId, mark, changedAt, entries, isNoted }: Restoration, isExpected: boolean): string {
  const noted = isNoted ? 'The record of this store has noted this digest.' : UNPROVEN;
  return [
    `Backup of installation ${installationId}: ${entries.length} keys, last change ${changedAt}`,
    `SHA256:${mark.sha256}`,
    isExpected ? 'It is the expected one.' : noted,
    '',
  ].join('\n');
}

const UNPROVEN =
  'Encryption does not prove who made it. Compare the digest with the one that backup printed, or give --expect SHA256:…';

/** The record of a backup may be newer than the clock. */
function byClock(restoration: Restoration, { acceptClock }: RestoreOptions, ports: CliPorts): Restoration {
  if (!restoration.plan.writesRecord) return restoration;
  const rules = { accepted: acceptClock !== undefined, command: accepting(ports) };
  return { ...restoration, record: recordByClock(restoration.record, rules, ports) };
}

/** What helps where those tenant keys are not of this installation, or not to be waited for. */
const UNASKED = 'with --no-tenant-store the database is not asked';

function refuse(steps: readonly ObjectStep[]): void {
  const findings = blockers(steps).map((each) =>
    each.code === 'TENANT_KID_UNKNOWN' ? { ...each, remedy: `${each.remedy}; ${UNASKED}` } : each,
  );
  const [first] = findings;
  if (first === undefined) return;
  throw new PaletteKeysError('REFUSED', `${first.subject}: ${first.message}`, {
    hint: first.remedy,
    details: detailsOf(findings),
  });
}

async function agree({ init, plan }: Restoration, options: RestoreOptions, ports: CliPorts): Promise<void> {
  const { terminal } = ports;
  if (!options.quiet) terminal.stderr.write(renderPlan(init, options.verbose, palette(terminal.colour.stderr)));
  if (options.yes || (init.confirm.length === 0 && !terminal.interactive)) return;
  const created = plan.steps.filter(({ action }) => action === 'create').length;
  const acts = [`bring ${created} keys back`, ...init.confirm].join(', ');
  if (!terminal.interactive) {
    throw new PaletteKeysError('CONFIRMATION_NEEDED', `this run would ${acts}`, {
      hint: 'look at it with --verify, then give --yes',
      details: init.steps.flatMap(({ replaces, action, ref, reason }) =>
        replaces === true ? [{ message: `${action} ${formatRef(ref)}: ${reason}` }] : [],
      ),
    });
  }
  const { confirm } = await import('../prompts/confirm.ts');
  await confirm(`${acts}?`, ports);
}

async function write(
  { entries, plan, mark, findings, installationId, changedAt }: Restoration,
  init: ReconcilePlan,
  options: RestoreOptions,
  { terminal }: CliPorts,
): Promise<ExitCode> {
  const rehearsal = options.verify || options.dryRun;
  const counts = countActions(init.steps);
  const file = { file: mark.file, sha256: `SHA256:${mark.sha256}`, installationId, changedAt };
  const document = { kind: 'RestoreResult', ...file, entries, verified: true, counts, written: !rehearsal, findings };
  if (await writeDocument(document, options.output, terminal)) return 0;
  if (!options.quiet) terminal.stderr.write(renderFindings(findings, palette(terminal.colour.stderr)));
  terminal.stdout.write(renderKeys(entries, palette(terminal.colour.stdout)));
  const brought = summarize(plan.steps);
  const result = rehearsal ? 'The backup is sound. It would be' : 'Every key is as in the backup:';
  terminal.stdout.write(
    `\n${result} ${brought}; what workloads mount: ${summarize(init.steps.filter(({ n }) => n === undefined))}.\n`,
  );
  // A database dump may need one of them, so they come back too: whether they stay is for the operator to say.
  const destroyed = init.findings.filter(({ code }) => code === 'LEDGER_ENTRY_DESTROYED');
  terminal.stderr.write(renderFindings(destroyed, palette(terminal.colour.stderr)));
  return 0;
}
