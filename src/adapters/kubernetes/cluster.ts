import { randomBytes } from 'node:crypto';
import type { AccessNeed, Cluster } from '../../ports/cluster.ts';
import type { NewObject } from '../../ports/key-store.ts';
import type { ObjectRef } from '../../ports/object-ref.ts';
import { type Call, writing } from './api/call.ts';
import { type ApiClient, Garbled } from './api/client.ts';
import { ApiFailure } from './api/failure.ts';
import { type JsonObject, objectAt, textAt } from './json.ts';
import type { Seen } from './objects/seen.ts';
import { tryWriting } from './objects/write.ts';
import { KubernetesWorkloads } from './workloads/workloads.ts';

/** An Event is a courtesy: nobody waits for it. */
const EVENT_TIMEOUT_MS = 3000;

/** As the API server has it. */
const MAX_MESSAGE = 1024;

export class KubernetesCluster implements Cluster {
  readonly workloads: KubernetesWorkloads;
  readonly #client: ApiClient;
  readonly #seen: Seen;
  readonly #host: string;
  #version: Promise<string> | undefined;
  readonly #explained: <T>(work: () => Promise<T>) => Promise<T>;

  constructor(client: ApiClient, seen: Seen, host: string, explained: <T>(work: () => Promise<T>) => Promise<T>) {
    this.#client = client;
    this.#seen = seen;
    this.#host = host;
    this.#explained = explained;
    this.workloads = new KubernetesWorkloads(client, seen, explained);
  }

  version(): Promise<string> {
    return this.#explained(() => this.#readVersion());
  }

  /** Every answer tells the time; the first one is that to the question for the version. */
  now(): Promise<Date> {
    return this.#explained(async () => {
      await this.#readVersion();
      return this.#client.clock.now();
    });
  }

  #readVersion(): Promise<string> {
    this.#version ??= this.#client.read(VERSION, gitVersion).catch((error: unknown) => {
      this.#version = undefined;
      throw error;
    });
    return this.#version;
  }

  tryWrite(object: NewObject, version: string | undefined): Promise<void> {
    return this.#explained(() => tryWriting(this.#client, this.#seen, object, version));
  }

  user(): Promise<string> {
    return this.#explained(() => this.#client.read(WHO_AM_I, username));
  }

  denied(needs: readonly AccessNeed[]): Promise<readonly AccessNeed[]> {
    return this.#explained(async () => {
      const granted = await Promise.all(needs.map((need) => this.#mayBe(need)));
      return needs.filter((_, n) => granted[n] === false);
    });
  }

  /** A review changes nothing, so it is repeated like a read. Who may not even ask is not known to be denied. */
  async #mayBe({ verb, group, resource, namespace, name }: AccessNeed): Promise<boolean> {
    const attributes = Object.entries({ verb, group, resource, namespace, name });
    const resourceAttributes = Object.fromEntries(attributes.filter(([, value]) => value !== undefined));
    const head = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview' };
    try {
      return await this.#client.read({ ...REVIEW, body: { ...head, spec: { resourceAttributes } } }, isAllowed);
    } catch (error) {
      if (error instanceof ApiFailure && error.http === 403 && error.status !== undefined) return true;
      throw error;
    }
  }

  async event({ kind, namespace, name }: ObjectRef, reason: string, message: string): Promise<void> {
    const now = this.#client.clock.now().toISOString();
    const own = `${name.slice(0, 200)}.${randomBytes(8).toString('hex')}`;
    const body = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: own, namespace },
      involvedObject: { apiVersion: 'v1', kind, namespace, name },
      ...{ type: 'Normal', reason, action: reason, message: message.slice(0, MAX_MESSAGE) },
      ...{ reportingComponent: 'palette-keys', reportingInstance: this.#host, source: { component: 'palette-keys' } },
      eventTime: now.replace(/Z$/, '000Z'),
      ...{ firstTimestamp: null, lastTimestamp: null },
    };
    const target = { verb: 'create', group: '', resource: 'events', namespace, name: own } as const;
    try {
      await this.#client.send(writing(target, body), () => undefined, { timeoutMs: EVENT_TIMEOUT_MS });
    } catch {
      // Best effort, says the port.
    }
  }
}

const VERSION: Call = {
  ...{ verb: 'get', group: '', resource: 'version', namespace: undefined, name: undefined },
  path: '/version',
};

const REVIEW: Call = {
  ...{ verb: 'create', group: 'authorization.k8s.io', resource: 'selfsubjectaccessreviews' },
  ...{ namespace: undefined, name: undefined },
};

const WHO_AM_I: Call = {
  ...{ verb: 'create', group: 'authentication.k8s.io', resource: 'selfsubjectreviews' },
  ...{ namespace: undefined, name: undefined },
  body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
};

function username(json: JsonObject): string {
  const name = textAt(objectAt(objectAt(json, 'status'), 'userInfo'), 'username');
  if (name === undefined) throw new Garbled('it names no user');
  return name;
}

function gitVersion(json: JsonObject): string {
  const version = textAt(json, 'gitVersion');
  if (version === undefined) throw new Garbled('it names no version');
  return version;
}

function isAllowed(json: JsonObject): boolean {
  const allowed = objectAt(json, 'status')['allowed'];
  if (typeof allowed !== 'boolean') throw new Garbled('it does not say what is allowed');
  return allowed;
}
