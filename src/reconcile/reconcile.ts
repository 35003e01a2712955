import { escrowFindings, seeEscrow } from '../backup/escrow.ts';
import { PaletteKeysError } from '../errors.ts';
import { formatTime } from '../ledger/entry.ts';
import { StoreChangedError } from './errors.ts';
import { type InitInput, InitRun } from './init-run.ts';
import { compare } from './plan/compare/compare.ts';
import { afterSweep } from './plan/findings/leftovers.ts';
import { type InitPlan, planInit } from './plan/plan-changes.ts';
import type { ApplyPorts } from './ports.ts';
import { withArchives } from './read/audit-archives.ts';
import { withLeftovers } from './read/key-traces.ts';
import { readInstallation } from './read/read-installation.ts';
import { wipe } from './read/wipe.ts';
import { refuseGuessedSpec } from './refusals.ts';

/** How often a run begins again because others changed the store under it. */
const ATTEMPTS = 8;

/** Reads, and decides what is to be done. Writes nothing. */
export async function previewInit(input: InitInput, ports: Pick<ApplyPorts, 'store' | 'clock'>): Promise<InitPlan> {
  const now = ports.clock.now();
  const gathered = await withLeftovers(
    ports.store,
    await readInstallation(ports.store, input.spec, input.request, input.seen),
  );
  const snapshot = input.request.migrates === true ? await withArchives(gathered, ports.store) : gathered;
  const comparison = await compare(snapshot, input.request, now);
  try {
    refuseGuessedSpec(comparison);
    const plan = planInit(comparison, now);
    if (input.escrow === undefined) return plan;
    const seen = await seeEscrow(input.escrow, comparison);
    const findings = [...plan.findings, ...escrowFindings(input.escrow, seen)];
    const changes = plan.changes || seen.state === 'note' || seen.state === 'place';
    return { ...plan, findings, changes };
  } finally {
    wipe(comparison, input.seen);
  }
}

/**
 * Brings the store to what the spec asks for. Takes the lock, reads and decides again, and writes: ledger → record →
 * projections → (read back and verify) → audit → ready. Writes nothing that `agreed` does not cover. Killed anywhere,
 * a re-run completes. Returns what was done; its steps name the keys that are there now.
 */
export async function applyInit(agreed: InitPlan, input: InitInput, ports: ApplyPorts): Promise<InitPlan> {
  const { store, actor, clock } = ports;
  const run = new InitRun(agreed, input, ports);
  ports.signal.throwIfAborted();
  const lock = await store.lock({ command: actor.command, user: actor.user, since: formatTime(clock.now()) });
  // The slow part begins as soon as it is certain that this run, and not another one, is at work.
  run.prepare(agreed);
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        return afterSweep(await run.attempt(), agreed);
      } catch (error) {
        if (!(error instanceof StoreChangedError)) throw error;
      }
    }
    throw new PaletteKeysError('CONFLICT', 'other runs kept changing the installation', {
      hint: 'wait until they are done, and run the command again',
    });
  } finally {
    run.wipe();
    await lock.release();
  }
}
