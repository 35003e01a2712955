import { ERRORS, type ExitCode, notInstalled, PaletteKeysError } from '../../errors.ts';
import { type KindId, parseKind, ROTATED_KINDS, ROTATIONS } from '../../rotation/kinds.ts';
import { readRotationPlan } from '../../rotation/perform/read-plan.ts';
import type { RotateResult } from '../../rotation/rotate-request.ts';
import type { StatusReport } from '../../status/plan/status.ts';
import { readStatus } from '../../status/read-status.ts';
import { explainingDenials } from '../access.ts';
import type { CliPorts, RotateOptions } from '../ports.ts';
import { writeDocument } from '../render/document.ts';
import { palette } from '../render/palette.ts';
import { asKnown, writeMessage } from '../report-error.ts';
import { checkFlags, wordOf } from './input.ts';
import { openRun, type Run } from './open-run.ts';
import { planDocument, renderPlan, renderResult, rotateDocument } from './render.ts';
import { rotateOne, say } from './rotate-one.ts';

export async function runRotate(options: RotateOptions, ports: CliPorts): Promise<ExitCode> {
  checkFlags(options);
  const run = await openRun(options, ports);
  try {
    return await rotateAll(run);
  } finally {
    await run.close();
  }
}

async function rotateAll(run: Run): Promise<ExitCode> {
  const { options } = run;
  if (options.due) return rotateDue(run);
  const kind = options.kind === undefined ? await askForKind(run) : parseKind(options.kind);
  if (options.plan) return showPlan(kind, run);
  const result = await rotateOne(kind, true, run);
  await write([result], run);
  return result.waitingFor === undefined || options.explain || options.dryRun ? 0 : ERRORS.ROTATION_WAITS.exit;
}

/** Everything that is under way or past its renewal time. One kind's failure does not stop the others. */
async function rotateDue(run: Run): Promise<ExitCode> {
  const report = await readReport(run);
  const now = run.ports.clock.now();
  const results: RotateResult[] = [];
  const failures: PaletteKeysError[] = [];
  const failed: string[] = [];
  for (const kind of ROTATED_KINDS) {
    const { type } = ROTATIONS[kind];
    if (type !== 'versions' && type !== 'leaves') continue;
    const status = report.keys.find(({ key }) => key === kind);
    // The installation does without it.
    if (status === undefined || status.kept === true) continue;
    const { rotateAfter } = status;
    try {
      results.push(await rotateOne(kind, rotateAfter !== undefined && now >= new Date(rotateAfter), run));
    } catch (error) {
      const known = asKnown(error, run.ports);
      if (run.ports.signal.aborted) throw known;
      failures.push(known);
      failed.push(kind);
      run.ports.terminal.stderr.write(`${kind}:\n`);
      await writeMessage(known, run.ports);
    }
  }
  await write(
    results,
    run,
    failures.map(({ code, message, hint }, n) => ({ key: failed[n], code, message, hint })),
  );
  const refused = results.some((result) => result.refused) ? [ERRORS.REFUSED] : [];
  return worst(
    [...failures, ...refused],
    results.some(({ wrote }) => wrote),
  );
}

/** A bug first, then outside reasons, then refusals; where anything was written, a late wrong usage is one too. */
function worst(failures: readonly { readonly exit: ExitCode }[], wrote: boolean): ExitCode {
  const order: readonly ExitCode[] = [70, 1, 5, 4, 2];
  const code = order.find((each) => failures.some(({ exit }) => exit === each)) ?? 0;
  return code === ERRORS.USAGE.exit && wrote ? ERRORS.REFUSED.exit : code;
}

async function askForKind(run: Run): Promise<KindId> {
  const report = await readReport(run);
  if (!run.ports.terminal.interactive) {
    throw new PaletteKeysError('USAGE', `no key kind given; kinds are: ${ROTATED_KINDS.join(', ')}`, {
      hint: 'name a kind, or give --due',
    });
  }
  const { chooseKind } = await import('./prompts.ts');
  return chooseKind(report, ROTATED_KINDS, run.ports);
}

async function readReport({ store, ports, apply }: Run): Promise<StatusReport> {
  const read = () => readStatus({ store, clock: ports.clock }, apply.spec);
  const report = await explainingDenials('status', read, store, undefined, ports);
  if (report !== undefined) return report;
  throw notInstalled(store);
}

async function showPlan(kind: KindId, { options, ports, apply, input }: Run): Promise<ExitCode> {
  const steps = await readRotationPlan(
    { ...input, kind, assumeConsumersCurrent: wordOf(kind, options, ports.terminal) },
    apply,
  );
  const { terminal } = ports;
  if (!(await writeDocument(planDocument(kind, steps), options.output, terminal)))
    terminal.stdout.write(renderPlan(steps, palette(terminal.colour.stdout)));
  return 0;
}

async function write(results: readonly RotateResult[], run: Run, failures: readonly object[] = []): Promise<void> {
  const { options, ports } = run;
  const { terminal } = ports;
  const documents = results.map(rotateDocument);
  const [first] = documents;
  const document =
    options.due || first === undefined
      ? { kind: 'RotateResults', results: documents.map(({ kind: _, ...rest }) => rest), failures }
      : first;
  if (!(await writeDocument(document, options.output, terminal)))
    terminal.stdout.write(results.map((result) => renderResult(result, palette(terminal.colour.stdout))).join(''));
  await say(results, run);
}
