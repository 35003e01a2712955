import type { Examination } from '../apply/import/examine.ts';
import { type ExitCode, PaletteKeysError } from '../errors.ts';
import type { Change } from '../plan/change.ts';
import type { CliPorts, ImportOptions } from './ports.ts';
import { writeDocument } from './render/document.ts';
import { importDocument, renderExamination } from './render/import.ts';
import { palette } from './render/palette.ts';
import { writeMessage } from './report-error.ts';

interface Outcome {
  readonly object?: string;
  readonly same?: boolean;
  readonly dryRun?: boolean;
  readonly change?: Change;
}

/** Writes the result, also of a refusal; returns the exit code. */
export async function reportImport(
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
