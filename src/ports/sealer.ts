export type SealFor =
  | { readonly kind: 'recipients'; readonly recipients: readonly string[] }
  | { readonly kind: 'passphrase'; readonly passphrase: string };

export type OpenWith =
  | { readonly kind: 'identities'; readonly identities: readonly string[] }
  | {
      readonly kind: 'passphrase';
      /** Undefined where its file holds none; `unread` says why. */
      readonly passphrase: string | undefined;
      /** Tried then: what a build of before took for the passphrase, where that is another text. */
      readonly former?: string | undefined;
      readonly unread?: Error | undefined;
    };

/** A file that was opened; `isFormer`: by the passphrase as a build of before took it. */
export interface Opened {
  readonly plain: Uint8Array;
  readonly isFormer: boolean;
}

/** What was encrypted, and a proof that it can be decrypted again: `reopen` opens a copy of it without any secret. */
export interface Sealed {
  readonly bytes: Uint8Array;
  /** Throws DamagedError where the copy is not what was sealed. */
  reopen(copy: Uint8Array): Promise<Uint8Array>;
}

export interface Sealer {
  /** Throws USAGE for a recipient that is none, naming it. */
  seal(plain: Uint8Array, to: SealFor): Promise<Sealed>;
  /** Throws BACKUP_REJECTED: no age file, damaged, over 128 MiB in the clear, another key; and what reading throws. */
  open(file: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, key: OpenWith): Promise<Opened>;
}
