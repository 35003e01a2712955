import { formatRef, type ObjectRef } from '../../ports/object-ref.ts';
import type { PlannedStep } from '../../rotation/plan.ts';
import type { RotateResult, WaitingFor } from '../../rotation/rotate-request.ts';
import { flagFor } from '../../rotation/word.ts';
import { summarize } from '../init/render.ts';
import { formatTime } from '../render/duration.ts';
import type { Palette } from '../render/palette.ts';
import { table, wrap } from '../render/table.ts';

export function rotateDocument(result: RotateResult) {
  const { key, done, generation, versions, steps, transitions, effects, waitingFor, notes, planned } = result;
  return {
    kind: 'RotateResult',
    key,
    done,
    generation,
    versions,
    steps: steps.map(({ action, ref, key: its, kid, reason }) => ({
      action,
      object: formatRef(ref),
      key: its,
      ...(kid === undefined || kid === '' ? {} : { kid }),
      ...(reason === undefined ? {} : { reason }),
    })),
    transitions: transitions.map(({ n, kid, from, to }) => ({ n, kid, ...(from === undefined ? {} : { from }), to })),
    effects,
    ...(planned === undefined ? {} : { planned }),
    ...(waitingFor === undefined ? {} : { waitingFor: waitingDocument(waitingFor, generation) }),
    notes,
  };
}

function waitingDocument({ reason, until, blockers, onWord }: WaitingFor, generation: number) {
  const word = onWord === true ? [flagFor(generation)] : [];
  return { reason, ...(until === undefined ? {} : { until: formatTime(until) }), blockers: [...blockers, ...word] };
}

/** What is waited for, for people; `next` is the command that goes on where the operator's word opens the gate. */
export function renderWaiting(
  key: string,
  { reason, until, blockers, onWord, toCopy = [] }: WaitingFor,
  next: string,
  paint: Palette,
): string {
  const time = until === undefined ? '' : `, until ${formatTime(until)}`;
  const text = reason.charAt(0).toUpperCase() + reason.slice(1);
  const files = toCopy.map(fileOf);
  const copy =
    files.length === 1
      ? 'Copy this file to where it is used, restart what reads it, then run:'
      : `Copy these ${files.length} files to where they are used, restart what reads them, then run:`;
  const lines = onWord !== true ? [] : [files.length === 0 ? 'Once that is certain, run:' : copy, next];
  const list = files.map((file) => `  - ${file}`);
  const first = `palette-keys: ${paint.warning('waiting:')} ${key}: ${onWord === true ? `${text}.` : `${reason}${time}`}`;
  return [first, ...blockers.map((blocker) => `  - ${blocker}`), ...lines, ...list].map((line) => `${line}\n`).join('');
}

/** Every step that a run would take, in order, and what it would then wait for. */
export function renderPlanned(key: string, planned: readonly string[], waitingFor: WaitingFor | undefined): string {
  const steps = planned.map((action, index) => {
    return index === 0 ? `next: ${action}; nothing stands in the way` : `then: ${action}`;
  });
  const time = waitingFor?.until === undefined ? '' : `, until ${formatTime(waitingFor.until)}`;
  const waits = waitingFor === undefined ? [] : [`then it waits: ${waitingFor.reason}${time}`];
  const blockers = (waitingFor?.blockers ?? []).map((blocker) => `  - ${blocker}\n`);
  return [...[...steps, ...waits].map((line) => `${key}: ${line}\n`), ...blockers].join('');
}

/** Where a folder has an object, below its root. */
function fileOf({ kind, namespace, name }: ObjectRef): string {
  return `${namespace}/${kind === 'Secret' ? 'secrets' : 'configmaps'}/${name}.yaml`;
}

export function renderResult(
  { key, done, versions, steps, transitions, effects, wrote, waitingFor, planned }: RotateResult,
  paint: Palette,
): string {
  const head = ['KEY', 'VERSION', 'STATE', 'KID'].map((text) => ({ text, paint: paint.strong }));
  const rows = versions.map(({ n, kid, state }) => [key, `v${n}`, state, kid]);
  const took = transitions.map(({ n, to }) => `v${n} is ${to}`).join(', ');
  const written = steps.filter((step) => step.action !== 'delete');
  const deleted = steps.length - written.length;
  const objects = [written.length === 0 ? '' : summarize(written), deleted === 0 ? '' : `${deleted} deleted`];
  const did = [took, objects.filter((part) => part !== '').join(', '), ...effects]
    .filter((part) => part !== '')
    .join('; ');
  const nothing = wrote ? 'what was found out was noted' : 'nothing was written';
  const open = waitingFor === undefined || (planned?.length ?? 0) > 0 ? 'Not yet' : 'Waiting';
  return `${rows.length === 0 ? '' : table([head, ...rows])}${done ? 'Done' : open}: ${key}, ${did === '' ? nothing : did}.\n`;
}

export function planDocument(key: string, steps: readonly PlannedStep[]) {
  return {
    kind: 'RotatePlan',
    key,
    steps: steps.map(({ action, earliest, condition }) => ({
      action,
      ...(earliest === undefined ? {} : { earliest: formatTime(earliest) }),
      condition,
    })),
  };
}

export function renderPlan(steps: readonly PlannedStep[], paint: Palette): string {
  return steps
    .map(({ action, earliest, condition }) => {
      const time = earliest === undefined ? '' : `, from ${formatTime(earliest)} on`;
      return `${paint.strong(action)}${time}\n${wrap(condition, 2)}`;
    })
    .join('');
}
