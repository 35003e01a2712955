import { type Examination, examine, type ImportInput } from '../apply/import/examine.ts';
import { type FrontDoor, importChange, ownership, readFrontDoor, servedLeaf } from '../apply/import/front-door.ts';
import { applyInit, previewInit, refuseBlocked } from '../apply/init.ts';
import { preflight } from '../apply/preflight.ts';
import { type ExitCode, PaletteKeysError } from '../errors.ts';
import { defaultSpec } from '../installation/defaults.ts';
import { ingressSecret } from '../installation/names.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import type { Change } from '../plan/change.ts';
import type { InitPlan } from '../plan/init.ts';
import { formatRef } from '../ports/object-ref.ts';
import { explainingDenials, refuseDenied } from './access.ts';
import { applyPorts } from './apply-ports.ts';
import { checkAllowed, readImportInput } from './import-input.ts';
import { checkProbe, proveServed } from './import-probe.ts';
import type { CliPorts, ImportOptions } from './ports.ts';
import { writeDocument } from './render/document.ts';
import { importDocument, renderExamination } from './render/import.ts';
import { renderPlan } from './render/init-plan.ts';
import { palette } from './render/palette.ts';
import { writeMessage } from './report-error.ts';
import { readSpecFile } from './spec-file.ts';

/** Checks a certificate; unless --verify-only stores it, and where asked waits until it is served. */
export async function runImport(options: ImportOptions, ports: CliPorts): Promise<ExitCode> {
  checkAllowed(options);
  const target = checkProbe(options);
  const file = await readSpecFile(options, ports);
  const input = await readImportInput(options, ports);
  if (options.verifyOnly) {
    const stored = { rootDomain: file?.rootDomain ?? undefined, keys: [], replaced: undefined };
    const examination = await examined({ ...input, fqdn: namesToCover(options, file) }, stored, options, ports);
    return report(examination, { dryRun: true }, options, ports);
  }
  const store = await ports.openStore(options, () => file?.ledgerNamespace);
  const spec = { spec: undefined, namespace: options.namespace, ledgerNamespace: file?.ledgerNamespace };
  const read = () => readFrontDoor({ store, clock: ports.clock }, spec);
  const door = await explainingDenials('import-cert', read, store, file, ports);
  const stored = { rootDomain: door.spec.rootDomain ?? undefined, keys: door.keys, replaced: servedLeaf(door) };
  const fqdn = namesToCover(options, door.spec);
  const judged = await examined({ ...input, fqdn }, stored, options, ports);
  const owned = ownership(door, options.allow ?? []);
  const examination = {
    ...judged,
    decision: { ...judged.decision, findings: [...judged.decision.findings, ...owned] },
  };
  const object = formatRef(ingressSecret(door.spec));
  if (examination.decision.pair === undefined || owned.some(({ severity }) => severity === 'error'))
    return report(examination, { object }, options, ports);
  const change = importChange(door, examination.decision.pair);
  if (change === undefined) return report(examination, { object, same: true }, options, ports);
  const apply = applyPorts('import-cert', store, ports);
  const request = { adopt: false, restore: false, change };
  const run = { spec, request, createNamespaces: store.cluster === undefined };
  const plan = await previewInit(run, apply);
  refuseBlocked(plan);
  if (store.cluster !== undefined) {
    const denied = await preflight(store.cluster, plan, { createNamespaces: false, clock: ports.clock });
    if (denied !== undefined) await refuseDenied(denied, ports);
  }
  if (options.dryRun) return report(examination, { object, dryRun: true, change }, options, ports);
  await agree(plan, door, examination, options, ports);
  await applyInit(plan, run, apply);
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
  return report(examination, { object, change }, options, ports);
}

/** Asks for the passphrase, or for one of several certificates, where somebody is there to answer. */
async function examined(
  input: ImportInput,
  stored: Parameters<typeof examine>[1],
  { yes }: ImportOptions,
  ports: CliPorts,
): Promise<Examination> {
  const asks = ports.terminal.interactive && !yes;
  let examination = await examine(input, stored, ports.clock.now());
  if (asks) {
    const { answerQuestions } = await import('./prompts/import.ts');
    examination = await answerQuestions(input, stored, examination, ports);
  }
  const { locked } = examination;
  if (locked.length === 0) return examination;
  throw new PaletteKeysError('USAGE', `${locked.join(', ')} is encrypted`, {
    hint: 'write the passphrase into a file (chmod 600), and give --passphrase-file FILE',
  });
}

function namesToCover({ fqdn }: ImportOptions, spec: InstallationSpec = defaultSpec()): readonly string[] {
  if (fqdn !== undefined) return fqdn;
  if (spec.rootDomain !== null) return [spec.rootDomain];
  throw new PaletteKeysError('USAGE', 'it is not known under which name users reach the platform', {
    hint: 'give --fqdn NAME, or set rootDomain in the spec',
  });
}

async function agree(
  plan: InitPlan,
  { secret }: FrontDoor,
  examination: Examination,
  options: ImportOptions,
  ports: CliPorts,
): Promise<void> {
  const { terminal } = ports;
  const asks = terminal.interactive && !options.yes;
  if (!options.quiet || asks) {
    const paint = palette(terminal.colour.stderr);
    const changing = { ...plan, steps: plan.steps.filter(({ action }) => action !== 'keep') };
    terminal.stderr.write(`${renderExamination(examination.decision, paint)}\n${renderPlan(changing, true, paint)}`);
  }
  if (options.yes || (secret === undefined && !asks && plan.confirm.length === 0)) return;
  const acts = `${secret === undefined ? 'write' : 'replace the certificate in'} ${formatRef(ingressSecret(plan.spec))}`;
  if (!asks) {
    throw new PaletteKeysError('CONFIRMATION_NEEDED', `this run would ${acts}`, {
      hint: 'look at it with --dry-run, then give --yes',
    });
  }
  const { confirm } = await import('./prompts/confirm.ts');
  await confirm(`${acts}?`, ports);
}

interface Outcome {
  readonly object?: string;
  readonly same?: boolean;
  readonly dryRun?: boolean;
  readonly change?: Change;
}

async function report(
  { decision }: Examination,
  { object, same, dryRun, change }: Outcome,
  options: ImportOptions,
  ports: CliPorts,
): Promise<ExitCode> {
  const { terminal } = ports;
  const errors = decision.findings.filter(({ severity }) => severity === 'error');
  const accepted = errors.length === 0;
  if (options.output === 'json' || options.output === 'yaml') {
    const stored = accepted && change !== undefined && dryRun !== true;
    await writeDocument(importDocument(decision, { accepted, stored, object }), options.output, terminal);
  }
  if (!accepted) {
    const [first] = errors;
    const owned = errors.some(({ code }) => code === 'CERT_MANAGER_OWNED');
    const error = new PaletteKeysError(
      owned ? 'REFUSED' : 'CERTIFICATE_REJECTED',
      `${first?.subject}: ${first?.message}${errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''}`,
      {
        hint: `${first?.remedy} Nothing was written.`,
        details: errors.map(({ code, subject, message, remedy }) => ({
          message: `${code} ${subject}: ${message}`,
          remedy,
        })),
      },
    );
    if (options.output === 'table') terminal.stdout.write(renderExamination(decision, palette(terminal.colour.stdout)));
    await writeMessage(error, ports);
    return error.exit;
  }
  if (options.output !== 'table') return 0;
  terminal.stdout.write(renderExamination(decision, palette(terminal.colour.stdout)));
  terminal.stdout.write(`${outcome(object, same, dryRun)}\n`);
  return 0;
}

function outcome(object: string | undefined, same: boolean | undefined, dryRun: boolean | undefined): string {
  if (object === undefined) return 'The certificate is good. Nothing was written.';
  if (same === true) return `Nothing to do: ${object} holds this certificate.`;
  return dryRun === true ? `The certificate is good. It would be written to ${object}.` : `Written to ${object}.`;
}
