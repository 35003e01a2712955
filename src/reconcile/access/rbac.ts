import { sha256Hex } from '../../crypto/digest.ts';
import type { AccessNeed } from '../../ports/cluster.ts';

export type Manifest = Readonly<Record<string, unknown>>;

export interface Subject {
  readonly kind: 'ServiceAccount' | 'User';
  readonly name: string;
  /** Of a service account. */
  readonly namespace: string | undefined;
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

const NAME = 'palette-keys';

/** As rbacFor, for what somebody is denied: under names of their own, so that applying it takes no granted right away. */
export function rbacForMissing(needs: readonly AccessNeed[], subject: Subject): readonly Manifest[] {
  return rbacFor(needs, subject, `${NAME}-${sha256Hex(Buffer.from(JSON.stringify([needs, subject]))).slice(0, 8)}`);
}

/** The least RBAC that grants the needs: a Role and a RoleBinding for each namespace, a ClusterRole for what has none. */
export function rbacFor(needs: readonly AccessNeed[], subject: Subject, name = NAME): readonly Manifest[] {
  const namespaces = [...new Set(needs.map(({ namespace }) => namespace))].sort((a, b) =>
    (a ?? '') < (b ?? '') ? -1 : 1,
  );
  return namespaces.flatMap((namespace) => {
    const rules = rulesFor(needs.filter((need) => need.namespace === namespace));
    const kind = namespace === undefined ? 'ClusterRole' : 'Role';
    const metadata = namespace === undefined ? { name } : { name, namespace };
    const apiVersion = 'rbac.authorization.k8s.io/v1';
    const subjects = [
      subject.kind === 'ServiceAccount'
        ? { kind: subject.kind, name: subject.name, namespace: subject.namespace }
        : { kind: subject.kind, name: subject.name, apiGroup: 'rbac.authorization.k8s.io' },
    ];
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind, name };
    return [
      { apiVersion, kind, metadata, rules },
      { apiVersion, kind: `${kind}Binding`, metadata, roleRef, subjects },
    ];
  });
}

/** Needs of one namespace, gathered: first by resource and name into verbs, then equal verbs into one list of names. */
function rulesFor(needs: readonly AccessNeed[]): readonly Rule[] {
  const verbs = new Map<string, Set<string>>();
  for (const { group, resource, name, verb } of needs) {
    const key = JSON.stringify([group, resource, name ?? null]);
    verbs.set(key, (verbs.get(key) ?? new Set()).add(verb));
  }
  const rules = new Map<string, { group: string; resource: string; verbs: string[]; names: string[] }>();
  for (const [key, set] of verbs) {
    const [group, resource, name] = JSON.parse(key) as [string, string, string | null];
    const list = [...set].sort();
    const id = JSON.stringify([group, resource, list, name === null]);
    const rule = rules.get(id) ?? { group, resource, verbs: list, names: [] };
    rules.set(id, { ...rule, names: name === null ? [] : [...rule.names, name] });
  }
  return [...rules.values()].map((rule) => ({
    apiGroups: [rule.group],
    resources: [rule.resource],
    verbs: rule.verbs,
    ...(rule.names.length === 0 ? {} : { resourceNames: [...rule.names].sort() }),
  }));
}
