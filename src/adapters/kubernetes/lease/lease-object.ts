import type { LockHolder } from '../../../ports/key-store.ts';
import type { Origin } from '../../directory/lock/process-identity.ts';
import type { Target } from '../api/call.ts';
import { Garbled } from '../api/client.ts';
import { type JsonObject, numberAt, objectAt, textAt } from '../json.ts';

export const LEASE_NAME = 'palette-keys';

/** How long a lease holds without being renewed. */
export const LEASE_SECONDS = 30;

/** Where the process that holds it is told more exactly than in holderIdentity, so that a dead one is found out. */
const ORIGIN = 'palette-keys.dev/lock';

const LABELS = {
  'app.kubernetes.io/name': 'palette-keys',
  'app.kubernetes.io/managed-by': 'palette-keys',
  'app.kubernetes.io/part-of': 'palette',
};

export interface Holding {
  /** `user@host pid command`. */
  readonly identity: string;
  readonly origin: Origin;
  readonly holder: LockHolder;
  /** New every time, so that one can tell whether it is still the same lock. */
  readonly nonce: string;
}

export interface Lease {
  readonly json: JsonObject;
  /** undefined: it is free. */
  readonly identity: string | undefined;
  /** undefined: held by something else than palette-keys. */
  readonly holding: Omit<Holding, 'identity'> | undefined;
  readonly acquired: string | undefined;
  /** When it lapses, in milliseconds since 1970; a lease that does not say has lapsed, as for client-go. */
  readonly lapses: number;
  readonly renewed: number;
}

export function leaseTarget(verb: Target['verb'], namespace: string): Target {
  return { verb, group: 'coordination.k8s.io', resource: 'leases', namespace, name: LEASE_NAME };
}

export function holding(holder: LockHolder, origin: Origin, nonce: string): Holding {
  const identity = `${holder.user}@${origin.host} ${origin.pid} ${holder.command}`;
  return { identity, origin, holder, nonce };
}

/** The lease as `by` takes it now, over whatever was there. */
export function taken(before: Lease | undefined, namespace: string, by: Holding, now: Date): JsonObject {
  const { origin, holder, nonce } = by;
  const spec = objectAt(before?.json, 'spec');
  const metadata = objectAt(before?.json, 'metadata');
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      ...metadata,
      ...{ name: LEASE_NAME, namespace },
      labels: { ...objectAt(metadata, 'labels'), ...LABELS },
      annotations: {
        ...objectAt(metadata, 'annotations'),
        [ORIGIN]: JSON.stringify({ nonce, ...origin, ...holder }),
      },
    },
    spec: {
      ...spec,
      holderIdentity: by.identity,
      leaseDurationSeconds: LEASE_SECONDS,
      acquireTime: microTime(now),
      renewTime: microTime(now),
      leaseTransitions: before === undefined ? 0 : (numberAt(spec, 'leaseTransitions') ?? 0) + 1,
    },
  };
}

export function renewed({ json }: Lease, now: Date): JsonObject {
  return { ...json, spec: { ...objectAt(json, 'spec'), renewTime: microTime(now) } };
}

/** Nobody's: an empty holderIdentity is refused by the API server, so there is none. */
export function freed({ json }: Lease): JsonObject {
  const { holderIdentity, acquireTime, renewTime, ...spec } = objectAt(json, 'spec');
  const metadata = objectAt(json, 'metadata');
  const { [ORIGIN]: _, ...annotations } = objectAt(metadata, 'annotations');
  return { ...json, metadata: { ...metadata, annotations }, spec };
}

export function decodeLease(json: JsonObject): Lease {
  const metadata = objectAt(json, 'metadata');
  if (textAt(json, 'kind') !== 'Lease' || textAt(metadata, 'name') !== LEASE_NAME || !textAt(metadata, 'uid')) {
    throw new Garbled('it does not hold the lease that was asked for');
  }
  const spec = objectAt(json, 'spec');
  const renewedAt = Date.parse(textAt(spec, 'renewTime') ?? '');
  const seconds = numberAt(spec, 'leaseDurationSeconds') ?? LEASE_SECONDS;
  return {
    json,
    identity: textAt(spec, 'holderIdentity') || undefined,
    holding: parseHolding(textAt(objectAt(metadata, 'annotations'), ORIGIN)),
    acquired: textAt(spec, 'acquireTime'),
    renewed: renewedAt,
    lapses: Number.isNaN(renewedAt) ? 0 : renewedAt + seconds * 1000,
  };
}

function parseHolding(text: string | undefined): Lease['holding'] {
  const json = parseJson(text ?? '');
  const [nonce, host, command] = [textAt(json, 'nonce'), textAt(json, 'host'), textAt(json, 'command')];
  const [user, since, pid] = [textAt(json, 'user'), textAt(json, 'since'), numberAt(json, 'pid')];
  if (nonce === undefined || host === undefined || command === undefined) return undefined;
  if (user === undefined || since === undefined || pid === undefined) return undefined;
  const origin: Origin = {
    ...{ host, pid },
    bootId: textAt(json, 'bootId'),
    pidNamespace: textAt(json, 'pidNamespace'),
    start: textAt(json, 'start'),
  };
  return { nonce, origin, holder: { command, user, since } };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** V1MicroTime: RFC 3339 with six digits of a second. */
function microTime(date: Date): string {
  return date.toISOString().replace(/Z$/, '000Z');
}
