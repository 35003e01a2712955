import { type ExitCode, PaletteKeysError } from '../../errors.ts';
import type { Examination } from '../../front-door/examine.ts';
import type { Change } from '../../reconcile/plan/change.ts';
import type { CliPorts, ImportOptions } from '../ports.ts';
import { writeDocument } from '../render/document.ts';
import { palette } from '../render/palette.ts';
import { writeMessage } from '../report-error.ts';
import { importDocument, renderExamination } from './render.ts';

interface Outcome {
  readonly object?: string;
  readonly same?: boolean;
  readonly dryRun?: boolean;
  /** True where the certificate was shown on the terminal before somebody agreed. */
  readonly shown?: boolean;
  readonly change?: Change;
}

export async function reportImport(
  { decision }: Examination,
  { object, same, dryRun, shown, change }: Outcome,
  options: ImportOptions,
  ports: CliPorts,
): Promise<ExitCode> {
  const { terminal } = ports;
  const errors = decision.findings.filter(({ severity }) => severity === 'error');
  const accepted = errors.length === 0;
  const stored = accepted && change !== undefined && dryRun !== true;
  await writeDocument(importDocument(decision, { accepted, stored, object }), options.output, terminal);
  if (!accepted) {
    const [first] = errors;
    const owned = errors.some(({ code }) => code === 'CERT_MANAGER_OWNED');
    const codes = [...new Set(errors.map(({ code }) => code))].join(', ');
    const table = options.output === 'table';
    if (table) terminal.stdout.write(renderExamination(decision, palette(terminal.colour.stdout)));
    const details = errors.map(({ code, message, remedy }) => ({ message: `${code}: ${message}`, remedy }));
    const error = new PaletteKeysError(
      owned ? 'REFUSED' : 'CERTIFICATE_REJECTED',
      `the certificate is refused (${codes})`,
      // The table on stdout has them all.
      { hint: `${first?.remedy} Nothing was written.`, details: table ? [] : details },
    );
    await writeMessage(error, ports);
    return error.exit;
  }
  if (options.output !== 'table') return 0;
  if (shown !== true) terminal.stdout.write(renderExamination(decision, palette(terminal.colour.stdout)));
  terminal.stdout.write(`${outcome(object, same, dryRun)}\n`);
  return 0;
}

function outcome(object: string | undefined, same: boolean | undefined, dryRun: boolean | undefined): string {
  if (object === undefined) return 'The certificate is good. Nothing was written.';
  if (same === true) return `Nothing to do: ${object} holds this certificate.`;
  return dryRun === true ? `Good. It would be written to ${object}.` : `Written to ${object}.`;
}
