import { ERRORS, type ExitCode, PaletteKeysError } from '../../errors.ts';
import type { KeyStore } from '../../ports/key-store.ts';
import type { TenantStore } from '../../ports/tenant-store.ts';
import { type KindId, parseKind, ROTATED_KINDS, ROTATIONS } from '../../rotation/kinds.ts';
import type { RotatePorts, RotateRequest, RotateResult } from '../../rotation/perform/request.ts';
import { readRoad } from '../../rotation/perform/road.ts';
import { rotateKey } from '../../rotation/perform/rotate-key.ts';
import { flagFor } from '../../rotation/word.ts';
import type { StatusReport } from '../../status/plan/status.ts';
import { readStatus } from '../../status/read-status.ts';
import { explainingDenials } from '../access.ts';
import { applyPorts } from '../apply-ports.ts';
import { nextCommand } from '../next-command.ts';
import type { CliPorts, RotateOptions } from '../ports.ts';
import { progressBar } from '../progress-bar.ts';
import { writeDocument } from '../render/document.ts';
import { palette } from '../render/palette.ts';
import { asKnown, writeMessage } from '../report-error.ts';
import { readStandingSpec } from '../spec-file.ts';
import { adminUriOf, loginPlaceOf, openCensus, openTenants, uriOf } from '../tenant-database.ts';
import { agreeOnce, warnCompromised } from './consent.ts';
import { checkFlags, rotateInput, wordOf } from './input.ts';
import { renderAdvance, renderRoad, renderWaiting, roadDocument, rotateDocument } from './render.ts';

/** How often `--wait` looks again, at the least. */
const POLL_MS = 30_000;

/** Takes a kind's rotation as far as its gates are open, and says what it waits for. */
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
  if (options.plan) return showRoad(kind, run);
  const result = await rotateOne(kind, true, run);
  await write([result], run);
  return result.waitingFor === undefined || options.explain || options.dryRun ? 0 : ERRORS.ROTATION_WAITS.exit;
}

interface Run {
  readonly options: RotateOptions;
  readonly ports: CliPorts;
  readonly store: KeyStore;
  readonly apply: RotatePorts;
  readonly input: Omit<RotateRequest, 'kind' | 'mayStart' | 'before' | 'agree' | 'assumeConsumersCurrent'>;
  readonly bar: ReturnType<typeof progressBar>;
  /** Ends the connection to the database, where there is one. */
  close(): Promise<void>;
}

async function openRun(options: RotateOptions, ports: CliPorts): Promise<Run> {
  const file = await readStandingSpec(options, ports);
  const input = rotateInput(options);
  const uri = await uriOf(options, ports);
  const adminUri = await adminUriOf(options, ports);
  await ports.checkConnections(uri, adminUri);
  let tenants: Promise<TenantStore> | undefined;
  const store = await ports.openStore(
    options,
    () => file?.ledgerNamespace,
    options.plan || options.explain ? 'reads' : 'dates',
  );
  const bar = progressBar(ports.terminal, options.quiet);
  const command = ['rotate', options.kind, ...flagsOf(options)].filter((word) => word !== undefined).join(' ');
  const apply: RotatePorts = {
    ...applyPorts(command, store, options, ports),
    emit: bar.emit,
    workloads: store.cluster?.workloads,
    probe: await ports.loadTlsProbe(),
    tenantDatabase: ({ mongodb }) => {
      if (uri === undefined && mongodb.uri === null) return undefined;
      return (access) => (tenants ??= openTenants(access, uri, options, ports));
    },
    censusDatabase: ({ mongodb }) => {
      if (uri === undefined && mongodb.uri === null) return undefined;
      return (access, collection) => openCensus(access, collection, uri, options, ports);
    },
    databaseUsers: ({ mongodb }, ca) => {
      // First where services log in: that may be by another database than the administrator's.
      const place = uri ?? mongodb.uri ?? adminUri;
      if (place === undefined) return undefined;
      const { database, collection } = mongodb;
      const users = { uri: place, adminUri, ...loginPlaceOf(mongodb.uri), ca, database, collection };
      return ports.openDatabaseUsers(users, options);
    },
    pause: ports.pause,
  };
  const spec = { spec: undefined, namespace: options.namespace, ledgerNamespace: file?.ledgerNamespace };
  const close = async (): Promise<void> => (await tenants?.catch(() => undefined))?.close();
  return { options, ports, store, apply, input: { ...input, spec }, bar, close };
}

/** For lock and audit: what decides about the keys, with its values, none of which is secret. */
function flagsOf(options: RotateOptions): readonly string[] {
  const { due, again, compromised, rollback, restart, assumeConsumersCurrent, tenantStore } = options;
  const set = { due, again, compromised, rollback, restart };
  const words = Object.entries(set).flatMap(([name, given]) => (given ? [`--${name}`] : []));
  const { reinstate, retire, destroy } = options;
  const kids = Object.entries({ reinstate, retire, destroy }).flatMap(([name, kid]) =>
    kid === undefined ? [] : [`--${name} ${kid}`],
  );
  const { acceptResets } = options;
  return [
    ...words,
    ...kids,
    ...(acceptResets === undefined ? [] : [`--accept-resets ${Number(acceptResets)}`]),
    ...(assumeConsumersCurrent === undefined ? [] : [wordIn(assumeConsumersCurrent)]),
    ...(tenantStore ? [] : ['--no-tenant-store']),
    ...options.ignorePod.map((pod) => `--ignore-pod ${pod}`),
    ...(options.service ?? []).map((name) => `--service ${name}`),
  ];
}

function wordIn(given: string | true): string {
  return given === true ? '--assume-consumers-current' : flagFor(Number(given));
}

async function rotateOne(kind: KindId, mayStart: boolean, run: Run): Promise<RotateResult> {
  const { options, ports, apply, input, bar } = run;
  warnCompromised(kind, run);
  const common = {
    ...input,
    kind,
    agree: agreeOnce(run),
    assumeConsumersCurrent: wordOf(kind, options, ports.terminal),
  };
  try {
    let result = await rotateKey({ ...common, mayStart, before: undefined }, apply);
    let said = '';
    while (options.wait && result.waitingFor !== undefined && !result.refused) {
      const { until, stuck } = result.waitingFor;
      bar.clear();
      if (stuck === true) {
        ports.terminal.stderr.write(`${kind}: --wait stopped: this needs your action\n`);
        return result;
      }
      const news = JSON.stringify([result.waitingFor, result.notes]);
      if (news !== said) await say([result], run);
      said = news;
      const left = until === undefined ? POLL_MS : until.getTime() - ports.clock.now().getTime();
      await ports.pause(Math.max(1000, Math.min(POLL_MS, left)));
      result = await rotateKey({ ...common, mayStart: false, before: result }, apply);
    }
    return result;
  } finally {
    bar.clear();
  }
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

/**
 * Several causes: a bug first, then what failed for an outside reason, then what was refused. Others may have written: where
 * they have, a wrong usage that came out late is a refusal too, as `advance` has it.
 */
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

async function readReport({ store, ports, input }: Run): Promise<StatusReport> {
  const read = () => readStatus({ store, clock: ports.clock }, input.spec);
  const report = await explainingDenials('status', read, store, undefined, ports);
  if (report !== undefined) return report;
  throw new PaletteKeysError('NOT_INSTALLED', `${store.location} holds no installation`, {
    hint: 'palette-keys init makes one; if there should be one, check --dir and who you are',
  });
}

async function showRoad(kind: KindId, { options, ports, apply, input }: Run): Promise<ExitCode> {
  const road = await readRoad({ ...input, kind, assumeConsumersCurrent: wordOf(kind, options, ports.terminal) }, apply);
  const { terminal } = ports;
  if (options.output === 'json' || options.output === 'yaml') {
    await writeDocument(roadDocument(kind, road), options.output, terminal);
  } else terminal.stdout.write(renderRoad(road, palette(terminal.colour.stdout)));
  return 0;
}

async function write(results: readonly RotateResult[], run: Run, failures: readonly object[] = []): Promise<void> {
  const { options, ports } = run;
  const { terminal } = ports;
  if (options.output === 'json' || options.output === 'yaml') {
    const documents = results.map(rotateDocument);
    const [first] = documents;
    const document =
      options.due || first === undefined
        ? { kind: 'RotateResults', results: documents.map(({ kind: _, ...rest }) => rest), failures }
        : first;
    await writeDocument(document, options.output, terminal);
  } else
    terminal.stdout.write(results.map((result) => renderAdvance(result, palette(terminal.colour.stdout))).join(''));
  await say(results, run);
}

/** What is waited for, and notes, for people. */
async function say(results: readonly RotateResult[], { options, ports: { terminal } }: Run): Promise<void> {
  const paint = palette(terminal.colour.stderr);
  for (const { key, generation, waitingFor, notes, offersWord } of results) {
    const next = nextCommand(key, options, flagFor(generation));
    // In an emergency whoever is told that nothing was done must not miss why.
    if (!options.quiet || options.compromised) for (const note of notes) terminal.stderr.write(`${key}: ${note}\n`);
    if (offersWord) terminal.stderr.write(`${key}: once that is done, run:\n${next}\n`);
    if (waitingFor !== undefined) terminal.stderr.write(renderWaiting(key, waitingFor, next, paint));
  }
}
