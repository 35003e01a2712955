import type { SpecChange } from '../../installation/diff.ts';
import { formatRef } from '../../ports/object-ref.ts';
import type { ReconcilePlan } from '../../reconcile/plan/plan-changes.ts';
import type { ObjectStep } from '../../reconcile/plan/step.ts';
import type { Palette } from '../render/palette.ts';
import { table, wrap } from '../render/table.ts';

const SIGNS: Record<ObjectStep['action'], string> = { create: '+', restore: '!', update: '~', blocked: 'x', keep: '=' };

/** What a run will do, for people to agree to: new objects by number, everything else by name and reason. */
export function renderPlan(plan: ReconcilePlan, verbose: boolean, paint: Palette): string {
  const created = plan.steps.filter((step) => step.action === 'create' && !isSpecial(step));
  const listed = plan.steps.filter((step) => verbose || isSpecial(step));
  const lines = [
    ...plan.specChanges.map((change) => renderChange(change)),
    ...listed.map((step) => renderStep(step, paint)),
    ...(created.length > 0 && !verbose ? [`  + ${created.length} new objects (-v names them)\n`] : []),
    ...plan.orphanedObjects.map((object) =>
      wrap(`${object} is no longer in the spec; it stays, delete it when nothing mounts it`, 2),
    ),
    ...plan.sweeps.map((place) => wrap(`- delete ${place}, a temp file of an earlier run`, 2)),
    ...(plan.missingNamespaces.length > 0 ? [wrap(`+ namespaces ${plan.missingNamespaces.join(', ')}`, 2)] : []),
  ];
  return lines.join('');
}

/** True for what a plan names even where it is short: all but what is kept, and what is simply new. */
function isSpecial({ action, code }: ObjectStep): boolean {
  return action === 'create' ? code !== undefined : action !== 'keep';
}

function renderChange({ path, before, after }: SpecChange): string {
  if (before === undefined) return wrap(`+ spec ${path}: new`, 2);
  if (after === undefined) return wrap(`- spec ${path}: no longer there`, 2);
  return wrap(`~ spec ${path}: ${show(before)} → ${show(after)}`, 2);
}

/** A value on one line; of lists, each item can be broken off. */
function show(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(show).join(', ')}]` : JSON.stringify(value);
}

function renderStep({ action, ref, reason, remedy }: ObjectStep, paint: Palette): string {
  const quiet = action === 'keep' ? paint.dim : paint.warning;
  const colour = action === 'blocked' ? paint.error : quiet;
  const head = `  ${colour(`${SIGNS[action]} ${action}`)} ${formatRef(ref)}\n`;
  return `${head}${reason === undefined ? '' : wrap(reason, 4)}${remedy === undefined ? '' : wrap(`→ ${remedy}`, 4)}`;
}

const DONE: Record<ObjectStep['action'], string> = {
  create: 'created',
  keep: 'kept',
  restore: 'restored',
  update: 'updated',
  blocked: 'blocked',
};

export function renderOutcome(plan: ReconcilePlan, paint: Palette): string {
  const keys = [...new Set(plan.steps.map(({ key }) => key))];
  const rows = keys.map((key) => {
    const steps = plan.steps.filter((step) => step.key === key);
    const version = steps.findLast(({ n }) => n !== undefined);
    return [key, version?.n === undefined ? '-' : `v${version.n}`, version?.kid ?? '-', summarize(steps)];
  });
  const head = ['KEY', 'VERSION', 'KID', 'OBJECTS'].map((text) => ({ text, paint: paint.strong }));
  return table([head, ...rows]);
}

/** `2 created, 1 kept`. */
export function summarize(steps: readonly ObjectStep[]): string {
  const counts = countActions(steps);
  return (Object.keys(DONE) as ObjectStep['action'][])
    .filter((action) => counts[action] > 0)
    .map((action) => `${counts[action]} ${DONE[action]}`)
    .join(', ');
}

export function countActions(steps: readonly ObjectStep[]): Record<ObjectStep['action'], number> {
  const counts = { create: 0, keep: 0, restore: 0, update: 0, blocked: 0 };
  for (const { action } of steps) counts[action] += 1;
  return counts;
}
