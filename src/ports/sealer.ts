/** For whom a backup is encrypted. */
export type SealFor =
  | { readonly kind: 'recipients'; readonly recipients: readonly string[] }
  | { readonly kind: 'passphrase'; readonly passphrase: string };

/** With what a backup is opened. */
export type OpenWith =
  | { readonly kind: 'identities'; readonly identities: readonly string[] }
  | { readonly kind: 'passphrase'; readonly passphrase: string };

/** What was encrypted, and a proof that it can be decrypted again: `reopen` opens a copy of it without any secret. */
export interface Sealed {
  readonly bytes: Uint8Array;
  /** Throws DamagedError where the copy is not what was sealed. */
  reopen(copy: Uint8Array): Promise<Uint8Array>;
}

/** Encrypts and decrypts whole files in the format of age (age-encryption.org/v1). */
export interface Sealer {
  /** Throws USAGE for a recipient that is none, naming it. */
  seal(plain: Uint8Array, to: SealFor): Promise<Sealed>;
  /** Throws BACKUP_REJECTED: not an age file, damaged, or the key does not open it. */
  open(file: Uint8Array, key: OpenWith): Promise<Uint8Array>;
}
