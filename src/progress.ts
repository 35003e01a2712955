/** What long work tells whoever watches; never key material. */
export type ProgressEvent =
  | { readonly type: 'started'; readonly phase: ProgressPhase; readonly total: number }
  | { readonly type: 'advanced'; readonly phase: ProgressPhase; readonly done: number; readonly total: number }
  | { readonly type: 'finished'; readonly phase: ProgressPhase }
  | { readonly type: 'note'; readonly message: string };

export type ProgressPhase = 'generate' | 'ledger' | 'projections' | 'verify' | 'tenants' | 'rewrap';

export type Emit = (event: ProgressEvent) => void;
