import { equalBytes } from '../../../crypto/digest.ts';
import { versionedKind } from '../../../inventory/index.ts';
import type { ComputedProjection, HeldKey, Projection } from '../../../inventory/kind.ts';
import { annotations, isManaged, LABEL, labels } from '../../../ledger/metadata.ts';
import type { Rings } from '../../../ledger/ring.ts';
import type { Entries, StoredObject } from '../../../ports/key-store.ts';
import { formatRef } from '../../../ports/object-ref.ts';
import type { FindingCode } from '../findings/finding.ts';
import { changeOf, type Intent } from '../intent.ts';
import type { Snapshot } from '../snapshot.ts';
import type { ObjectStep } from '../step.ts';
import { adoptableKey, type Holding } from './holding.ts';

/** What the assessment of any projection needs to know. */
export interface ProjectionContext {
  readonly snapshot: Snapshot;
  readonly installationId: string | undefined;
  /** Rings of the kinds whose versions are all at hand. */
  readonly rings: Rings;
  /** Places of projections that the record's spec already had while the record was ready: missing there, they are restored. */
  readonly expected: ReadonlySet<string>;
  /** True while a lost ledger is replaced: objects that only the lost keys explain are written anew. */
  readonly replacesLost: boolean;
  readonly intent: Intent;
  readonly now: Date;
}

/** What is to be done with an object, before it is put into a step. */
export type Outcome = Omit<ObjectStep, 'ref' | 'key' | 'n'>;

export async function compareComputed(
  projection: ComputedProjection,
  holding: Holding,
  context: ProjectionContext,
): Promise<Outcome> {
  const found = context.snapshot.projections.get(formatRef(projection.ref));
  if (found === undefined) return missing(projection, context);
  if (!projection.from.every((kind) => context.rings.has(kind))) return keysFirst(projection, context);
  if (found.damage !== undefined) return damaged(found.damage);
  const desired = await projection.compute(context.rings);
  const kid = activeKid(projection, context.rings);
  if (holds(found, desired, projection) && hasMetadata(found, projection, context)) return { action: 'keep', ...kid };
  const unknown = holding.keys.filter((key) => !isExplained(key, context.rings));
  // What others put there after the import was decided on is not among its versions, and would be lost.
  if (isImported(projection, context) && (holding.damage !== undefined || unknown.length === 0))
    return { ...outdated('it holds another certificate'), ...kid };
  if (holding.damage !== undefined) {
    if (isOurs(found, context)) return damaged(holding.damage);
    return isTakenIn(projection, context)
      ? outdated('its key is taken in, the rest is filled in')
      : notOurs(holding.damage);
  }
  if (unknown.length === 0) return { ...outdated(whatDiffers(found, desired, projection)), ...kid };
  return foreign(unknown, found, projection, context);
}

/** The object is not there: `restore` where it once was, `create` where it is new. */
export function missing(projection: Projection, context: ProjectionContext): Outcome {
  return context.expected.has(formatRef(projection.ref))
    ? { action: 'restore', reason: 'it is missing', code: 'PROJECTION_MISSING' }
    : { action: 'create', reason: 'it is new' };
}

export function damaged(reason: string): Outcome {
  return { action: 'restore', reason: `it is damaged: ${reason}`, code: 'PROJECTION_DAMAGED', replaces: true };
}

export function outdated(reason: string, code: FindingCode = 'PROJECTION_OUTDATED'): Outcome {
  return { action: 'update', reason, code, replaces: true };
}

/** An object that was made from keys that are not at hand stands in the way of making new ones. */
export function keysFirst(projection: Projection, context: ProjectionContext): Outcome {
  const found = context.snapshot.projections.get(formatRef(projection.ref));
  if (found?.damage === undefined && found !== undefined && !isManaged(found)) {
    return {
      ...notOurs('the ledger does not know it'),
      remedy: 'palette-keys init --adopt takes a complete one in; or move it away',
    };
  }
  if (context.replacesLost)
    return { action: 'restore', reason: 'its keys are lost', code: 'LEDGER_LOST', replaces: true };
  return {
    action: 'blocked',
    reason: `it is there, but the ledger lacks a version of ${projection.from.join(', ')}`,
    code: 'LEDGER_LOST',
    remedy: 'put the ledger back from a backup: palette-keys restore FILE',
  };
}

export function notOurs(reason: string): Outcome {
  return {
    action: 'blocked',
    reason: `an object of that name is there that palette-keys did not write, and it cannot be used: ${reason}`,
    code: 'NOT_OURS',
    remedy: 'move it away, or choose another namePrefix',
  };
}

/** True where labels say that the object belongs to this installation. */
export function isOurs(found: StoredObject, { installationId }: ProjectionContext): boolean {
  return isManaged(found) && (installationId === undefined || found.labels[LABEL.installation] === installationId);
}

/** True where the run is there to put other material into this very object. */
function isImported({ kind }: ComputedProjection, { intent }: ProjectionContext): boolean {
  const change = changeOf(intent);
  return change?.kind === kind && change.overwrites;
}

/** True where the object is the Secret of a key that was taken in from it. */
function isTakenIn(projection: ComputedProjection, { snapshot, rings, now }: ProjectionContext): boolean {
  const kind = versionedKind(projection.kind);
  if (kind === undefined) return false;
  const made = adoptableKey(kind, snapshot, now);
  if (made === undefined || made.damage !== undefined) return false;
  return formatRef(made.ref) === formatRef(projection.ref) && isExplained(made.held.key, rings);
}

function isExplained(key: HeldKey, rings: Rings): boolean {
  return (rings.get(key.kind) ?? []).some(({ facts }) => facts.kid === key.kid);
}

function foreign(
  unknown: readonly HeldKey[],
  found: StoredObject,
  projection: ComputedProjection,
  context: ProjectionContext,
): Outcome {
  const kids = [...new Set(unknown.map(({ kid }) => kid))].join(', ');
  const reason = `it holds key material that no ledger entry explains (${kids})`;
  const adoptable = unknown.every(({ material }) => material !== undefined);
  const adopt = adoptable ? `palette-keys init --adopt takes its ${projection.kind} in` : '';
  return foreignOutcome(reason, found, context, adopt);
}

/** Well-formed material of somebody else: never overwritten unasked, and never at all where the object is not ours. */
export function foreignOutcome(
  reason: string,
  found: StoredObject,
  context: ProjectionContext,
  adopt: string,
): Outcome {
  if (!isOurs(found, context)) {
    const remedy = ['move it away', ...(adopt === '' ? [] : [adopt])].join(', or: ');
    return { action: 'blocked', reason: `palette-keys did not write it: ${reason}`, code: 'NOT_OURS', remedy };
  }
  if (context.intent.type === 'restore' || context.replacesLost) {
    return { action: 'restore', reason, code: 'FOREIGN_EDIT', replaces: true };
  }
  const restore = 'palette-keys init --restore puts ours back';
  return { action: 'blocked', reason, code: 'FOREIGN_EDIT', remedy: adopt === '' ? restore : `${restore}; ${adopt}` };
}

/** True where the object has every entry as desired, and none that was ours and is not; entries of others are left alone. */
export function holds(found: StoredObject, desired: Entries, projection: Projection): boolean {
  return differing(found, desired, projection).length === 0;
}

function differing({ data }: StoredObject, desired: Entries, { sometimes = [] }: Projection): readonly string[] {
  const former = sometimes.filter((name) => Object.hasOwn(data, name) && !Object.hasOwn(desired, name));
  return [...Object.keys(desired).filter((name) => !sameEntry(data, desired, name)), ...former];
}

function sameEntry(a: Entries, b: Entries, name: string): boolean {
  const [left, right] = [Object.hasOwn(a, name) ? a[name] : undefined, b[name]];
  return left !== undefined && right !== undefined && equalBytes(left, right);
}

/** Labels, annotations, type and mutability; neither generation nor version count. */
export function hasMetadata(found: StoredObject, projection: Projection, context: ProjectionContext): boolean {
  const wanted = { ...labels(context.installationId ?? '', projection.kind), ...annotations('') };
  const has = { ...found.annotations, ...found.labels };
  const same = Object.entries(wanted).every(([name, value]) => value === '' || has[name] === value);
  return same && (projection.anyType === true || found.type === projection.type);
}

function whatDiffers(found: StoredObject, desired: Entries, projection: ComputedProjection): string {
  const entries = differing(found, desired, projection);
  if (entries.length > 0) {
    const meaning = projection.meaning?.(found.data, desired);
    return `${entries.join(', ')} ${entries.length === 1 ? 'differs' : 'differ'}${meaning === undefined ? '' : `: ${meaning}`}`;
  }
  return projection.anyType === true || found.type === projection.type
    ? 'labels or annotations differ'
    : `its type is not ${projection.type}`;
}

function activeKid(projection: ComputedProjection, rings: Rings): { kid?: string; fingerprint?: string } {
  const active = rings.get(projection.kind)?.find(({ state }) => state === 'active');
  if (active === undefined) return {};
  const { kid, fingerprint } = active.facts;
  return fingerprint === undefined ? { kid } : { kid, fingerprint };
}
