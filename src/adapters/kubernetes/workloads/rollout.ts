import { type JsonObject, numberAt, objectAt, textAt } from '../json.ts';

/** Why a new template would not reach the Pods, and what does; undefined where nothing keeps it from them. */
export function obstacleOf(json: JsonObject): { readonly reason: string; readonly remedy: string } | undefined {
  const spec = objectAt(json, 'spec');
  const strategy = objectAt(spec, 'updateStrategy');
  const partition = numberAt(objectAt(strategy, 'rollingUpdate'), 'partition') ?? 0;
  const byHand = 'delete its Pods, one after the other';
  if (spec['paused'] === true) return { reason: 'it is paused', remedy: 'kubectl rollout resume' };
  if (textAt(strategy, 'type') === 'OnDelete') return { reason: 'its updateStrategy is OnDelete', remedy: byHand };
  if (partition === 0) return undefined;
  return { reason: `its updateStrategy leaves Pods below ${partition} as they are`, remedy: byHand };
}

/** True once the controller has seen the newest template, and all Pods are of it, and available, as kubectl tells it. */
export function isRolledOut(json: JsonObject): boolean {
  const status = objectAt(json, 'status');
  const seen = numberAt(status, 'observedGeneration') ?? 0;
  if (seen < (numberAt(objectAt(json, 'metadata'), 'generation') ?? 0)) return false;
  const count = (name: string): number => numberAt(status, name) ?? 0;
  if (textAt(json, 'kind') === 'DaemonSet') {
    const wanted = count('desiredNumberScheduled');
    return count('updatedNumberScheduled') === wanted && count('numberAvailable') === wanted;
  }
  const wanted = numberAt(objectAt(json, 'spec'), 'replicas') ?? 1;
  return ['replicas', 'updatedReplicas', 'readyReplicas'].every((name) => count(name) === wanted);
}
