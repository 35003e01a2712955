import { type ExitCode, PaletteKeysError, usageError } from '../../errors.ts';
import { checkClock } from '../../reconcile/clock/check.ts';
import { forgetScans } from '../../rotation/perform/rewrap.ts';
import { auditedRewrap } from '../../tenants/audited-rewrap.ts';
import { readTenantAccess, type TenantAccess } from '../../tenants/keyring.ts';
import { parseShardFlag, previewRewrap } from '../../tenants/rewrap.ts';
import { scanTenants } from '../../tenants/scan.ts';
import { refuseStrangers } from '../../tenants/see.ts';
import {
  addTenants,
  checkTenantIds,
  existingTenants,
  listTenants,
  removablesOf,
  removeTenants,
  type TenantPorts,
} from '../../tenants/tenants.ts';
import { applyPorts } from '../apply-ports.ts';
import type { CliPorts, TenantOptions } from '../ports.ts';
import { progressBar } from '../progress-bar.ts';
import { writeDocument } from '../render/document.ts';
import { palette } from '../render/palette.ts';
import { asKnown, writeMessage } from '../report-error.ts';
import { filledLinesOf } from '../secrets.ts';
import { readStandingSpec } from '../spec-file.ts';
import { openTenants, uriOf } from '../tenant-database.ts';
import { beginTenantListing } from './list.ts';
import { renderRewrap, renderTenants, type TenantsShown } from './render.ts';

interface Work {
  readonly options: TenantOptions;
  readonly access: TenantAccess;
  readonly apply: TenantPorts;
  readonly ports: CliPorts;
}

type Verb = 'add' | 'list' | 'verify' | 'remove' | 'rewrap';

export async function runTenant(verb: Verb, options: TenantOptions, ports: CliPorts): Promise<ExitCode> {
  if (options.output === 'prometheus') throw usageError('-o prometheus is for status', 'take table, json or yaml');
  const ids = await idsOf(verb, options, ports);
  const shard = options.shard === undefined ? undefined : parseShardFlag(options.shard);
  const uri = await uriOf(options, ports);
  const spec = await readStandingSpec(options, ports);
  const store = await ports.openStore(
    options,
    () => spec?.ledgerNamespace,
    verb === 'list' || verb === 'verify' ? 'reads' : 'dates',
  );
  const access = await readTenantAccess({ store, clock: ports.clock }, spec?.ledgerNamespace, options.namespace);
  // Documents are dated before the lock is taken, which comes with the audit log.
  if (store.cluster !== undefined && !options.dryRun && verb !== 'list' && verb !== 'verify') {
    await checkClock(store.cluster, ports.clock);
  }
  const tenants = await openTenants(access, uri, options, ports);
  // A list goes to the terminal while it is read, where a bar would be drawn into it.
  const bar = progressBar(ports.terminal, options.quiet || (verb === 'list' && ports.terminal.shows));
  const work: Work = {
    options: { ...options, ids },
    access,
    ports,
    apply: { ...applyPorts(`tenant ${verb}`, store, options, ports), tenants, emit: bar.emit },
  };
  try {
    if (verb === 'add') return await add(work);
    if (verb === 'remove') return await remove(work);
    if (verb === 'rewrap') return await rewrap(work, shard ?? { index: 0, count: 1 });
    return await (verb === 'list' ? list(work) : verify(work));
  } finally {
    bar.clear();
    await tenants.close();
  }
}

async function add({ options, access, apply, ports }: Work): Promise<ExitCode> {
  const { ids, dryRun } = options;
  await refuseStrangers(access, apply.tenants);
  const there = new Set(await existingTenants(ids, apply.tenants));
  const missing = [...new Set(ids)].filter((id) => !there.has(id));
  const added = dryRun ? missing : await addTenants(missing, access, apply);
  const addedOnes = new Set(added);
  return show(
    { verb: 'add', added, existing: [...new Set(ids)].filter((id) => !addedOnes.has(id)), dryRun },
    options,
    apply,
    ports,
  );
}

async function list({ options, access, apply, ports }: Work): Promise<ExitCode> {
  const listing = await beginTenantListing(options.output, apply.tenants.location, ports.terminal);
  try {
    const { failures, ...counts } = await listTenants(access, apply.tenants, apply, listing.add);
    listing.end({ verb: 'verify', counts, failures });
    return failures.length === 0 ? 0 : 5;
  } catch (error) {
    if (!listing.begun) throw error;
    // A document of kind Error would be the second one on stdout: the list stays unfinished, and the rest is said on stderr.
    const known = asKnown(error, ports);
    await writeMessage(known, ports);
    return known.exit;
  }
}

async function verify({ options, access, apply, ports }: Work): Promise<ExitCode> {
  const { failures, ...counts } = await scanTenants(apply.tenants, access.keyring, apply);
  await show({ verb: 'verify', counts, failures }, options, apply, ports);
  return failures.length === 0 ? 0 : 5;
}

async function remove({ options, access, apply, ports }: Work): Promise<ExitCode> {
  const { ids, dryRun, backup } = options;
  if (typeof backup !== 'string' && backup !== false) {
    throw new PaletteKeysError('USAGE', 'it was not said where the removed documents are written to', {
      hint: 'give --backup FILE, or --no-backup: without its key all data of a tenant is lost',
    });
  }
  if (backup === '') throw usageError('--backup names no file', 'give the path of a new file');
  const documents = await removablesOf(ids, apply.tenants, backup !== false);
  const removed = documents.map(({ document }) => document._id);
  const missing = [...new Set(ids)].filter((id) => !removed.includes(id));
  // No document, no file.
  const file = typeof backup === 'string' && documents.length > 0 ? backup : undefined;
  if (file !== undefined) await ports.files.checkNew(file);
  if (!dryRun && documents.length > 0) {
    await agree(
      `remove ${documents.length} tenants with their keys${file === undefined ? ' for good' : ''}`,
      options,
      ports,
    );
    await removeTenants(documents, file, access, { ...apply, files: ports.files });
  }
  return show(
    { verb: 'remove', removed, missing, ...(file === undefined || dryRun ? {} : { file }), dryRun },
    options,
    apply,
    ports,
  );
}

async function rewrap(
  { options, access, apply, ports }: Work,
  shard: { readonly index: number; readonly count: number },
): Promise<ExitCode> {
  const preview = await previewRewrap(access, shard, apply);
  const isSound = preview.failures.length === 0;
  const writes = isSound && preview.due > 0 && !options.dryRun;
  if (writes) {
    await agree(`wrap ${preview.due} tenant keys by the root key ${access.activeKid}`, options, ports);
    await forgetScans(access.record, apply);
  }
  const result = writes ? await auditedRewrap(access, shard, preview, apply) : preview;
  const { output } = options;
  const shown = { ...result, shard: `${shard.index}/${shard.count}`, dryRun: options.dryRun };
  const { terminal } = ports;
  const store = apply.tenants.location;
  if (!(await writeDocument({ kind: 'RewrapResult', store, ...shown }, output, terminal)))
    terminal.stdout.write(renderRewrap(shown, store, palette(terminal.colour.stdout)));
  if (result.failures.length > 0) return 5;
  return writes && result.remaining > 0 ? 1 : 0;
}

async function show(
  shown: TenantsShown,
  { output }: TenantOptions,
  { tenants }: TenantPorts,
  { terminal }: CliPorts,
): Promise<ExitCode> {
  const { verb: _, ...rest } = shown;
  if (!(await writeDocument({ kind: 'TenantList', store: tenants.location, ...rest }, output, terminal)))
    terminal.stdout.write(renderTenants(shown, tenants.location, palette(terminal.colour.stdout)));
  return 0;
}

async function agree(what: string, { yes }: TenantOptions, ports: CliPorts): Promise<void> {
  if (yes) return;
  if (!ports.terminal.interactive) {
    throw new PaletteKeysError('CONFIRMATION_NEEDED', `this run would ${what}`, {
      hint: 'look at it with --dry-run, then give --yes',
    });
  }
  const { confirm } = await import('../prompts/confirm.ts');
  await confirm(`${what}?`, ports);
}

async function idsOf(verb: Verb, { ids, from }: TenantOptions, ports: CliPorts): Promise<readonly string[]> {
  if (verb !== 'add' && verb !== 'remove') return [];
  if (from !== undefined && ids.length > 0) {
    throw new PaletteKeysError('USAGE', 'tenants are named or come --from a file, not both', {
      hint: 'take one of them',
    });
  }
  // What is there may have an id that none is added under.
  if (verb === 'remove') return ids;
  const all = from === undefined ? ids : await idsIn(from, ports);
  checkTenantIds(all);
  return all;
}

/** The ids in a file, one on a line. Who meant a comment would get a tenant of that name, and who meant an id would get none. */
async function idsIn(from: string, ports: CliPorts): Promise<readonly string[]> {
  const lines = await filledLinesOf(from, ports, '64 MB');
  if (!lines.some((line) => line.startsWith('#'))) return lines;
  throw usageError(
    `a line of ${from} begins with #: there are no comments in a list of ids`,
    'leave the line out; an id that begins with # is named on the command line',
  );
}
