import type { Time } from './time.ts';

/** What the flags of the command line say; each as kubectl's flag of that name. */
export interface LoginFlags {
  /** This file alone, which has to be there. */
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly cluster?: string | undefined;
  readonly user?: string | undefined;
  readonly as?: string | undefined;
  readonly asGroups?: readonly string[] | undefined;
}

export interface KubernetesOptions extends LoginFlags {
  /** For each request; 0 for none, 30 s unless given. */
  readonly requestTimeoutMs?: number | undefined;
  /** Where the lock stands. Asked when it is taken: by then the caller has found out. */
  readonly ledgerNamespace: () => string;
  /** Namespaces that may hold a ledger besides the one that the caller looks into anyway. */
  readonly ledgerHints?: readonly string[] | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** Aborted: reads end at once, a write that is under way gets a moment, and nothing new is begun. */
  readonly signal: AbortSignal;
  /** For the lock and for Events. */
  readonly actor: { readonly host: string };
  /** For the User-Agent, by which the server's audit log tells programs apart. */
  readonly version?: string | undefined;
  /** Whether login plugins may ask questions; unless given, whether stdin is a terminal. */
  readonly interactive?: boolean | undefined;
  /** For what people should know though nothing fails: the lock was lost, TLS is not verified. */
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly time?: Time | undefined;
  /** Below which Pods find `/var/run/secrets/…`; for tests. */
  readonly podRoot?: string | undefined;
}

export const DEFAULT_TIMEOUT_MS = 30_000;
