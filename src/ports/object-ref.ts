export type ObjectKind = 'Secret' | 'ConfigMap';

export interface ObjectRef {
  readonly kind: ObjectKind;
  readonly namespace: string;
  readonly name: string;
}

/** `Secret/<namespace>/<name>`, as in plans and results. */
export function formatRef(ref: ObjectRef): string {
  return `${ref.kind}/${ref.namespace}/${ref.name}`;
}
