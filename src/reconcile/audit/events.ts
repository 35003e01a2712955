import type { AuditChange } from '../../audit/chain.ts';
import type { ObjectKind, ObjectRef } from '../../ports/object-ref.ts';
import type { ApplyPorts } from '../ports.ts';

/** Tells each namespace in which objects changed of it, by one Event about the first of them. Best effort. */
export async function announce(changes: readonly AuditChange[], { store, actor }: ApplyPorts): Promise<void> {
  const { cluster } = store;
  if (cluster === undefined) return;
  const byNamespace = new Map<string, AuditChange[]>();
  for (const change of changes) {
    const { namespace } = refOf(change);
    byNamespace.set(namespace, [...(byNamespace.get(namespace) ?? []), change]);
  }
  const events = [...byNamespace.values()].map(([first, ...others]) => {
    if (first === undefined) return undefined;
    const more = others.length === 0 ? '' : `, and ${others.length} more objects of this namespace`;
    const message = `${actor.command} by ${actor.user}: ${first.action} ${first.object}${more}`;
    return cluster.event(refOf(first), 'KeysChanged', message);
  });
  await Promise.all(events);
}

function refOf({ object }: AuditChange): ObjectRef {
  const [kind = '', namespace = '', name = ''] = object.split('/');
  return { kind: kind as ObjectKind, namespace, name };
}
