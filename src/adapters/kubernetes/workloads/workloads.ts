import { PaletteKeysError } from '../../../errors.ts';
import type { ObjectRef } from '../../../ports/object-ref.ts';
import type { Pod, Workloads } from '../../../ports/workloads.ts';
import { type Call, getting, type Target, writing } from '../api/call.ts';
import { type ApiClient, Garbled } from '../api/client.ts';
import { isConflict, isMissing } from '../api/failure.ts';
import { isObject, type JsonObject, listAt, objectAt, textAt } from '../json.ts';
import { lastChange, readTime } from '../objects/last-change.ts';
import type { Seen } from '../objects/seen.ts';
import { decodePod } from './decode-pod.ts';
import { isRolledOut, obstacleOf } from './rollout.ts';

const PAGE = 200;

/** What `kubectl rollout restart` writes, so that both mean the same. */
const RESTARTED = 'kubectl.kubernetes.io/restartedAt';

const RESOURCES: Readonly<Record<string, Pick<Target, 'group' | 'resource'>>> = {
  Deployment: { group: 'apps', resource: 'deployments' },
  StatefulSet: { group: 'apps', resource: 'statefulsets' },
  DaemonSet: { group: 'apps', resource: 'daemonsets' },
  CronJob: { group: 'batch', resource: 'cronjobs' },
  Job: { group: 'batch', resource: 'jobs' },
};

/** Those of this group have a rollout, which starts their Pods anew; the others make new ones for every run. */
const ROLLED_OUT = 'apps';

export class KubernetesWorkloads implements Workloads {
  readonly #client: ApiClient;
  readonly #seen: Seen;
  readonly #explained: <T>(work: () => Promise<T>) => Promise<T>;

  constructor(client: ApiClient, seen: Seen, explained: <T>(work: () => Promise<T>) => Promise<T>) {
    this.#client = client;
    this.#seen = seen;
    this.#explained = explained;
  }

  pods(namespaces: readonly string[]): Promise<readonly Pod[]> {
    return this.#explained(async () => {
      const lists = await Promise.all(namespaces.map((namespace) => this.#podsOf(namespace)));
      return lists.flat();
    });
  }

  changedAt(ref: ObjectRef): Promise<Date | undefined> {
    return this.#explained(async () => {
      const known = this.#seen.of(ref);
      if (known !== undefined) return readTime(known.changedAt);
      try {
        return await this.#client.read(getting(ref), (json) => readTime(lastChange(json)));
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    });
  }

  exists(workload: string): Promise<boolean> {
    return this.#explained(async () => {
      const target = targetOf(workload);
      if (target === undefined) return false;
      try {
        return await this.#client.read({ ...target, verb: 'get' }, () => true);
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    });
  }

  restart(workload: string, at: Date): Promise<boolean> {
    return this.#explained(async () => {
      const target = targetOf(workload);
      if (target?.group !== ROLLED_OUT) return false;
      for (;;) {
        const current = await this.#client.read({ ...target, verb: 'get' }, (json) => json);
        const obstacle = obstacleOf(current);
        if (obstacle !== undefined) throw unreachable(workload, obstacle);
        try {
          await this.#client.send(writing({ ...target, verb: 'update' }, restarted(current, at)), () => undefined);
          return true;
        } catch (error) {
          // Its own controller changes it all the time.
          if (!isConflict(error)) throw error;
        }
      }
    });
  }

  isReady(workload: string): Promise<boolean> {
    return this.#explained(async () => {
      const target = targetOf(workload);
      return target?.group !== ROLLED_OUT || this.#client.read({ ...target, verb: 'get' }, isRolledOut);
    });
  }

  async #podsOf(namespace: string): Promise<readonly Pod[]> {
    const pods: Pod[] = [];
    let next = '';
    do {
      const query = { limit: String(PAGE), ...(next === '' ? {} : { continue: next }) };
      const call: Call = { verb: 'list', group: '', resource: 'pods', namespace, name: undefined, query };
      const page = await this.#client.read(call, decodePage);
      pods.push(...page.pods);
      next = page.next;
    } while (next !== '');
    return pods;
  }
}

function decodePage(json: JsonObject): { readonly pods: readonly Pod[]; readonly next: string } {
  if (textAt(json, 'kind') !== 'PodList') throw new Garbled('it is not a list of Pods');
  const pods = listAt(json, 'items').map((item) => {
    if (!isObject(item)) throw new Garbled('it holds an item that is not an object');
    return decodePod(item);
  });
  return { pods, next: textAt(objectAt(json, 'metadata'), 'continue') ?? '' };
}

function targetOf(workload: string): Omit<Target, 'verb'> | undefined {
  const [kind = '', namespace = '', name = ''] = workload.split('/');
  const resource = RESOURCES[kind];
  return resource === undefined ? undefined : { ...resource, namespace, name };
}

function unreachable(
  workload: string,
  { reason, remedy }: { readonly reason: string; readonly remedy: string },
): PaletteKeysError {
  return new PaletteKeysError('REFUSED', `${workload} cannot be restarted: ${reason}`, {
    hint: `${remedy}; then run the command again: it goes on from here`,
  });
}

/** The object as it was read, with the time of the restart on its Pods' template: resourceVersion is the precondition. */
function restarted(current: JsonObject, at: Date): JsonObject {
  const spec = objectAt(current, 'spec');
  const template = objectAt(spec, 'template');
  const metadata = objectAt(template, 'metadata');
  const annotations = { ...objectAt(metadata, 'annotations'), [RESTARTED]: `${at.toISOString().slice(0, 19)}Z` };
  return { ...current, spec: { ...spec, template: { ...template, metadata: { ...metadata, annotations } } } };
}
