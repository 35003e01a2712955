import type { AsymmetricKey } from '../crypto/private-key.ts';
import type { Clock } from '../ports/clock.ts';
import type { KeyStore } from '../ports/key-store.ts';
import type { Random } from '../ports/random.ts';
import type { Emit } from '../progress.ts';

/** Who runs the program; for the lock and the audit. */
export interface Actor {
  readonly user: string;
  readonly host: string;
  /** The command and its flags, without file contents or secrets: `init --adopt`. */
  readonly command: string;
}

export interface ApplyPorts {
  readonly store: KeyStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly actor: Actor;
  readonly toolVersion: string;
  readonly emit: Emit;
  /** Aborted on Ctrl-C; asked before every write. */
  readonly signal: AbortSignal;
  /** Makes the RSA key pair of one leaf certificate, of so many bits; a rehearsal, whose keys are thrown away, makes one for all. */
  newLeafKey(bits: number): Promise<AsymmetricKey>;
  /** Processors that key generation may use, at least 1. */
  readonly processors: number;
}
