import { ledgerName } from '../../../installation/ledger-name.ts';
import type { Wanted } from '../../../ledger/traces.ts';
import type { Leftover } from '../../../ports/key-store.ts';
import { formatRef } from '../../../ports/object-ref.ts';
import type { Snapshot } from '../snapshot.ts';
import { type Finding, finding } from './finding.ts';

/** Every version that the record knows, as keys that are searched for. */
export function wantedKeys({ record, spec }: Pick<Snapshot, 'record' | 'spec'>): readonly Wanted[] {
  if (record.status !== 'sound') return [];
  return Object.entries(record.record.keys).flatMap(([kind, { versions }]) =>
    versions.map(({ n, kid }) => ({ kid, name: ledgerName(spec, kind, n) })),
  );
}

/** Objects that are read anyhow, and ledger entries that are damaged: other findings tell what is wrong with them. */
export function knownObjects({ ledger, projections, versions }: Snapshot): ReadonlySet<string> {
  const sound = ledger.filter(({ damage }) => damage === undefined);
  const entries = [...versions.values()].flat();
  return new Set([...[...sound, ...entries].map(({ ref }) => formatRef(ref)), ...projections.keys()]);
}

/** Temp files of earlier runs: the next run that takes the lock deletes them. */
export function sweepable({ leftovers }: Pick<Snapshot, 'leftovers'>): readonly Leftover[] {
  return (leftovers ?? []).filter(({ isTemp }) => isTemp);
}

/** True where the record knows a version as destroyed. */
export function isDestroyed({ record }: Pick<Snapshot, 'record'>, kid: string): boolean {
  if (record.status !== 'sound') return false;
  return Object.values(record.record.keys).some(({ versions }) =>
    versions.some((version) => version.kid === kid && version.state === 'destroyed'),
  );
}

export function leftoverFindings(snapshot: Snapshot): readonly Finding[] {
  const { leftovers = [] } = snapshot;
  return leftovers.flatMap((leftover): Finding[] => {
    const { place, isTemp, kids, command } = leftover;
    const gone = kids.filter((kid) => isDestroyed(snapshot, kid));
    if (!isTemp && kids.length === 0) return [];
    const what = isTemp ? 'a temp file of an earlier run' : 'a copy that palette-keys does not use';
    const holds = kids.length === 0 ? 'it may hold a key' : `it seems to hold ${describeKids(kids, gone)}`;
    const way = gone.length > 0 ? 'delete it' : 'move it to a safe place, or delete it';
    const remedy = isTemp ? 'delete it: palette-keys init' : `${way}: ${command}`;
    const found = finding('LEFTOVER', place, `${what}; ${holds}`, remedy);
    return [gone.length > 0 ? { ...found, severity: 'error' } : found];
  });
}

function describeKids(kids: readonly string[], gone: readonly string[]): string {
  const named = gone.length > 0 ? gone : kids;
  const keys = named.length === 1 ? `the key ${named[0]}` : `${named.length} keys: ${named.join(', ')}`;
  if (gone.length === 0) return keys;
  return `${keys}, which ${gone.length === 1 ? 'is' : 'are'} destroyed`;
}

interface Swept {
  readonly sweeps: readonly string[];
  readonly findings: readonly Finding[];
}

/** The result of a run whose plan named leftovers: temp files are deleted by now, copies are still there. */
export function afterSweep<T extends Swept>(done: T, { sweeps, findings }: Swept): T {
  const told = new Set(done.findings.map(({ code, subject }) => `${code} ${subject}`));
  const copies = findings.filter(
    ({ code, subject }) => code === 'LEFTOVER' && !sweeps.includes(subject) && !told.has(`${code} ${subject}`),
  );
  return { ...done, sweeps, findings: [...done.findings, ...copies] };
}
