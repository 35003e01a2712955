import { PaletteKeysError } from '../errors.ts';
import { parseDuration } from '../installation/duration.ts';
import type { Assessment } from '../plan/assess.ts';
import { lookAt } from '../plan/change.ts';
import { formatRef } from '../ports/object-ref.ts';
import { type Leaf, leavesToReissue } from '../rotation/leaves.ts';
import { describeBehind, findBehind } from './evidence.ts';
import { observeComplete } from './observe.ts';
import { reloadMembers } from './reload-members.ts';
import { restartBehind } from './restart.ts';
import type { Advance, AdvanceInput, AdvancePorts, Log } from './rotation-run.ts';
import { wipe } from './wipe.ts';
import { writeChange } from './write-change.ts';

/** Issues certificates anew: the same CA, a new key, one write each. What does not reload by itself is restarted if asked for. */
export async function reissueLeaves(input: AdvanceInput, log: Log, ports: AdvancePorts): Promise<Advance> {
  const { observation, record } = await observeComplete(input, log, ports);
  const { assessment } = observation;
  try {
    const { again, due } = input;
    // `opens`: one that waits and looks again issues nothing twice.
    const wish = {
      due,
      again: again && input.opens,
      minInterval: parseDuration(record.spec.rotation.minInterval),
    };
    const all = leavesOf(assessment, input);
    const leaves = leavesToReissue(all, wish, ports.clock.now());
    const issued = new Set(input.before?.steps.map(({ ref }) => formatRef(ref)));
    const isLeft = (leaf: Leaf): boolean => !leaves.includes(leaf) && !issued.has(formatRef(leaf.ref));
    const left = input.compromised ? all.filter(isLeft) : [];
    if (leaves.length === 0)
      log.notes.push(due ? 'none is due' : 'already issued a moment ago; --again issues them anew');
    else if (input.rehearses) return log.rehearsed(inWords(leaves));
    else {
      const reissues = new Set(leaves.map(({ fingerprint }) => fingerprint));
      const change = { ...lookAt(input.kind), generation: record.generation, reissues };
      await writeChange(inWords(leaves), change, { input, ports, log, seen: observation, irrevocable: undefined });
    }
    if (input.rehearses) return log.finished();
    const finished = (): Advance => (left.length === 0 ? log.finished() : log.refused(perhapsCompromised(left)));
    const reloaded = await reloadMembers(observation, input, ports);
    if (reloaded !== undefined && reloaded.behind.length > 0) {
      const reason = 'these still serve the old certificate: their files change up to two minutes after the Secret';
      return log.waiting({ reason, blockers: reloaded.behind });
    }
    if (reloaded?.deaf.length === 0) {
      log.notes.push('every member of the replica set serves it');
      return finished();
    }
    if (reloaded !== undefined) log.notes.push(`they cannot load it while they run: ${reloaded.deaf.join(', ')}`);
    const look = () => findBehind(observation, { kid: undefined, reloads: true }, input, ports);
    let behind = await look();
    if (input.restart && typeof behind !== 'string' && (await restartBehind(behind, log.restarted, ports)))
      behind = await look();
    if (typeof behind === 'string') {
      if (leaves.length > 0) log.notes.push(`restart what does not reload its certificate by itself (${behind})`);
      return finished();
    }
    const staying = behind.pods.filter(({ pod: { leaving } }) => !leaving);
    log.notes.push(...staying.map(describeBehind));
    if (staying.length > 0 && !input.restart) log.notes.push('--restart starts them anew');
    return finished();
  } finally {
    wipe(assessment);
  }
}

function leavesOf({ projections }: Assessment, { kind, services }: AdvanceInput): readonly Leaf[] {
  const all = projections.flatMap(({ projection, leaf }): Leaf[] => {
    if (projection.kind !== kind || projection.source !== 'issued' || leaf?.leaf === undefined) return [];
    return [{ ref: projection.ref, name: projection.profile.commonName, ...leaf.leaf }];
  });
  if (services === undefined) return all;
  const unknown = services.find((service) => !all.some(({ name }) => name === service));
  if (unknown !== undefined) {
    throw new PaletteKeysError('USAGE', `--service ${unknown}: there is no certificate of that service`, {
      hint: `there are ${all.map(({ name }) => name).join(', ')}`,
    });
  }
  return all.filter(({ name }) => services.includes(name));
}

/** What was issued a moment ago, by the same command or before the leak: no record tells. */
function perhapsCompromised(left: readonly Leaf[]): PaletteKeysError {
  return new PaletteKeysError(
    'REFUSED',
    'these were issued a moment ago: if that was before the leak, they leaked too',
    {
      hint: '--again issues them anew',
      details: left.map(({ name }) => ({ message: `the certificate of ${name}` })),
    },
  );
}

function inWords(leaves: readonly Leaf[]): string {
  const names = leaves.map(({ name }) => name).join(', ');
  return `issue ${leaves.length === 1 ? 'the certificate' : `${leaves.length} certificates`} of ${names} anew`;
}
