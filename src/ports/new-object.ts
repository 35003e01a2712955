import type { ObjectRef } from './object-ref.ts';

/** Entry name → raw bytes. A ConfigMap's entries are valid UTF-8. */
export type Entries = Readonly<Record<string, Uint8Array>>;

export interface NewObject {
  readonly ref: ObjectRef;
  /** `Opaque` or `kubernetes.io/tls`; undefined for a ConfigMap. */
  readonly type: string | undefined;
  readonly immutable: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly data: Entries;
}
