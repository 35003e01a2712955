import { factsOf } from '../../../inventory/forms.ts';
import type { LedgerItem } from '../../../inventory/ledger-view.ts';
import type { LedgerEntry } from '../../../ledger/entry.ts';
import { activeSinceOf, type KeyRecord, type VersionRecord } from '../../../ledger/record.ts';
import type { State } from '../../../ledger/ring.ts';
import { formatRef } from '../../../ports/object-ref.ts';
import { applyChange } from '../apply-change.ts';
import { isOfUnknownAge } from '../destroyed-versions.ts';
import type { FindingCode } from '../findings/finding.ts';
import { besideActive, statesFrom } from '../rebuild-states.ts';
import type { HeldMaterial } from './holding.ts';
import { numberOf, type Stranger, type VersionContext, type VersionItem } from './version-item.ts';

/** Decides for every version of one kind whether its ledger entry is kept, made, restored or adopted, or what stands in the way. */
export function compareVersions(context: VersionContext): readonly VersionItem[] {
  const known = context.recorded === undefined ? fromLedger(context) : fromRecord(context, context.recorded);
  if (known.some((item) => item.action === 'blocked')) return known;
  // A change was decided on a sound record: an entry of a kind that it does not know is what an interrupted run left.
  if (context.change !== undefined) {
    return applyChange(context.recorded === undefined ? [] : known, context.change, context);
  }
  if (!context.isMade && known.length === 0) return [];
  const adopted = context.intent.type === 'adopt' ? adopt(context, known) : [];
  if (adopted.length > 0) return [...known.map(demote(adopted)), ...adopted];
  if (known.length > 0) return known;
  if (context.intent.type === 'adopt' && context.adoptable?.damage !== undefined && !context.hasDependents) {
    const reason = `${formatRef(context.adoptable.ref)} cannot be taken in: ${context.adoptable.damage}`;
    return [blocked(1, undefined, 'NOT_OURS', { reason, remedy: 'put it right, or move it away' })];
  }
  if (context.stranger !== undefined) return [inTheWay(context.stranger)];
  if (!context.hasDependents) return [{ action: 'create', n: 1, reason: 'the first version is made' }];
  // Somebody gave the ledger up for lost: what can be issued again is made anew, everything else is refused.
  if (!(context.intent.type === 'adopt' && context.kind.policy.replaceable)) return [lost(context)];
  return [{ action: 'create', n: 1, reason: 'the lost key is replaced by a new one', code: 'LEDGER_LOST' }];
}

function fromRecord(context: VersionContext, recorded: KeyRecord): readonly VersionItem[] {
  return recorded.versions
    .filter(({ n, state }) => state !== 'destroyed' || context.change?.moves.has(n) === true)
    .map((version) => {
      const item = context.items.find(({ n }) => n === version.n);
      if (item === undefined) return missingEntry(context, version);
      if (item.damage !== undefined) return damaged(context, item, version.kid, version.backups.at(-1)?.file);
      const isKnown = item.entry.createdAt === version.createdAt || isOfUnknownAge(version);
      if (item.entry.facts.kid === version.kid && !isKnown) {
        const damage = 'its time contradicts the record';
        return damaged(context, { ...item, damage }, version.kid, version.backups.at(-1)?.file);
      }
      const kept = { ...item.entry, state: version.state, activeSince: activeSinceOf(version) };
      if (item.entry.facts.kid === version.kid) return { action: 'keep', version: kept };
      return blocked(version.n, version.kid, 'LEDGER_ENTRY_UNEXPECTED', {
        reason: `${formatRef(item.ref)} holds the key ${item.entry.facts.kid}, the record says ${version.kid}`,
        remedy: `find out who replaced it; ${remedyForLost(version)}`,
      });
    });
}

function missingEntry({ kind, held }: VersionContext, version: VersionRecord): VersionItem {
  const from = held.find(({ key }) => key.kid === version.kid && key.material !== undefined);
  if (from?.key.material === undefined) {
    return blocked(version.n, version.kid, 'LEDGER_ENTRY_LOST', {
      reason: `the ledger entry of ${kind.id} v${version.n} (${version.kid}) is gone, and no projection holds its key`,
      remedy: remedyForLost(version),
    });
  }
  const { n, createdAt, state } = version;
  const { material } = from.key;
  const facts = factsOf(kind, material);
  const activeSince = activeSinceOf(version);
  return { action: 'restore', version: { kind: kind.id, n, createdAt, material, facts, state, activeSince }, from };
}

function remedyForLost(version: VersionRecord): string {
  const backup = version.backups.at(-1);
  return backup === undefined
    ? 'no backup of it is recorded; look for one, and put the ledger entry back as it was'
    : `restore it from the backup ${backup.file} of ${backup.at}: palette-keys restore ${backup.file}`;
}

/** Without a record every entry of the ledger counts; keyrings tell the states where there is more than one. */
function fromLedger(context: VersionContext): readonly VersionItem[] {
  const { kind, items, held } = context;
  const broken = items.find((item) => item.damage !== undefined);
  if (broken?.damage !== undefined) return [damaged(context, broken, undefined)];
  const entries = items.flatMap((item) => (item.damage === undefined ? [item.entry] : []));
  const states =
    statesFrom(entries, held, kind.policy.hidesAccepted ? 'trusted' : 'retired') ??
    (kind.policy.madeByInit ? undefined : newestIsActive(entries));
  if (states !== undefined) {
    const beside = besideActive(entries, held);
    return entries.map((entry) => ({
      action: 'keep',
      version: {
        ...{ ...entry, state: states.get(entry.n) ?? 'retired' },
        // Since when it was, nobody knows; before all that will be active from now on.
        ...(entry.n === beside ? { activeSince: entry.createdAt } : {}),
      },
    }));
  }
  return [
    blocked(entries.at(-1)?.n ?? 1, undefined, 'RECORD_NOT_REBUILDABLE', {
      reason: `the record is gone, and nothing tells which of the ${entries.length} versions of ${kind.id} is active`,
      remedy: 'put the record back from a backup: palette-keys restore FILE',
    }),
  ];
}

/** Of what was imported or requested, the newest was meant; what is mounted shows it as soon as `init` looks there. */
function newestIsActive(entries: readonly LedgerEntry[]): ReadonlyMap<number, State> {
  const newest = Math.max(...entries.map(({ n }) => n));
  return new Map(entries.map(({ n }) => [n, n === newest ? 'active' : 'trusted']));
}

function damaged(context: VersionContext, item: LedgerItem, kid: string | undefined, backup = 'FILE'): VersionItem {
  const held = context.held.some(({ key }) => kid !== undefined && key.kid === kid && key.material !== undefined);
  const name = formatRef(item.ref);
  const again = held
    ? `move it away and keep it; palette-keys init then writes it again from ${formatRefs(context, kid)}`
    : `move it away and keep it, then put it back from a backup: palette-keys restore ${backup}`;
  return blocked(item.n, kid, 'LEDGER_ENTRY_DAMAGED', {
    reason: `${name} is damaged: ${item.damage}`,
    remedy: item.damage !== undefined && item.remedy !== undefined ? item.remedy : again,
  });
}

function formatRefs({ held }: VersionContext, kid: string | undefined): string {
  return held
    .filter(({ key }) => key.kid === kid)
    .map(({ ref }) => formatRef(ref))
    .join(', ');
}

/** Objects that were made from keys are there, but the keys are not: never a fresh key. */
function lost({ kind, held }: VersionContext): VersionItem {
  const adoptable = held.some(({ key }) => key.material !== undefined);
  return blocked(1, undefined, 'LEDGER_LOST', {
    reason: `objects of ${kind.id} are there, but the ledger has no version of it`,
    remedy: adoptable
      ? 'put the ledger back from a backup (palette-keys restore FILE), or take in the key that is there: palette-keys init --adopt'
      : 'put the ledger back from a backup: palette-keys restore FILE',
  });
}

function inTheWay({ ref, holds }: Stranger): VersionItem {
  const reason = `${formatRef(ref)} is there, but palette-keys did not write it`;
  const remedy =
    holds === 'a key'
      ? 'take its key in: palette-keys init --adopt; or move it away'
      : 'move it away; if it is ours, put its labels back';
  return blocked(1, undefined, 'NOT_OURS', { reason, remedy });
}

/** New versions for keys that projections hold and no version explains; the active one last. */
function adopt(context: VersionContext, known: readonly VersionItem[]): readonly VersionItem[] {
  const { kind, held, items, now } = context;
  const kids = new Set(
    known.flatMap((item) => (item.action === 'keep' || item.action === 'restore' ? [item.version.facts.kid] : [])),
  );
  const unknown = new Map<string, HeldMaterial>();
  const made = context.adoptable?.damage === undefined ? context.adoptable?.held : undefined;
  const fromHand =
    made === undefined || known.length > 0 || held.some(({ key }) => key.material !== undefined) ? [] : [made];
  const sources = [...held, ...fromHand];
  for (const candidate of sources) {
    if (candidate.key.material !== undefined && !kids.has(candidate.key.kid)) unknown.set(candidate.key.kid, candidate);
  }
  const ordered = [...unknown.values()].sort((a, b) => rank(a.key.state) - rank(b.key.state));
  let next = Math.max(0, ...items.map(({ n }) => n), ...known.map(numberOf)) + 1;
  return ordered.map((from): VersionItem => {
    const material = from.key.material ?? unreachable();
    const state = from.key.state ?? 'trusted';
    // An adoption that was interrupted has left its ledger entry; it is used again, not written twice.
    const written = items.find((item) => item.damage === undefined && item.entry.facts.kid === from.key.kid);
    if (written?.damage === undefined && written !== undefined) {
      return { action: 'adopt', version: { ...written.entry, state }, from };
    }
    const version = { kind: kind.id, n: next++, createdAt: now, material, facts: factsOf(kind, material), state };
    return { action: 'adopt', version, from };
  });
}

const rank = (state: State | undefined): number => (state === 'active' ? 1 : 0);

/** Makes room for an adopted active version: the one before it stays trusted. */
function demote(adopted: readonly VersionItem[]): (item: VersionItem) => VersionItem {
  const replaced = adopted.some((item) => item.action === 'adopt' && item.version.state === 'active');
  return (item) =>
    replaced && (item.action === 'keep' || item.action === 'restore') && item.version.state === 'active'
      ? { ...item, version: { ...item.version, state: 'trusted' } }
      : item;
}

function blocked(
  n: number,
  kid: string | undefined,
  code: FindingCode,
  { reason, remedy }: { readonly reason: string; readonly remedy: string },
): VersionItem {
  return { action: 'blocked', n, kid, code, reason, remedy };
}

function unreachable(): never {
  throw new Error('filtered above');
}
