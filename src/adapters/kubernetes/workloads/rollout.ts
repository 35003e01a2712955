import { type JsonObject, numberAt, objectAt, textAt } from '../json.ts';

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
