import { Decrypter, Encrypter, type Identity, type Recipient } from 'age-encryption';
import { DamagedError, PaletteKeysError } from '../../errors.ts';
import type { Sealed, Sealer, SealFor } from '../../ports/sealer.ts';

/** age files by typage, the age author's own implementation in TypeScript. */
export const ageSealer: Sealer = {
  async seal(plain, to) {
    const encrypter = new Encrypter();
    const fileKey = new FileKey();
    if (to.kind === 'passphrase') encrypter.setPassphrase(to.passphrase);
    else addRecipients(encrypter, to, fileKey);
    const bytes = await encrypter.encrypt(plain);
    const key = to.kind === 'passphrase' ? to : fileKey;
    return { bytes, reopen: (copy) => reopen(copy, key) } satisfies Sealed;
  },

  async open(file, key) {
    if (!Buffer.from(file.subarray(0, 22)).equals(Buffer.from('age-encryption.org/v1\n'))) {
      throw rejected('it is not an age file', 'name a file that palette-keys backup has written');
    }
    const decrypter = new Decrypter();
    if (key.kind === 'passphrase') decrypter.addPassphrase(key.passphrase);
    else for (const identity of key.identities) addIdentity(decrypter, identity);
    try {
      return await decrypter.decrypt(file);
    } catch {
      // What the library says is not passed on: it may quote what it read.
      const hint = 'check which key the backup was made for, and compare the file with another copy of it';
      throw rejected('it is damaged, or the given key is not the one that opens it', hint);
    }
  },
};

/**
 * Takes part in encrypting as a recipient that adds nothing to the file, and so learns the file key: with it the file
 * that was written can be opened again, though the recipients' secret keys are elsewhere.
 */
class FileKey implements Recipient, Identity {
  #key: Uint8Array | undefined;

  wrapFileKey(fileKey: Uint8Array): [] {
    this.#key = Uint8Array.from(fileKey);
    return [];
  }

  unwrapFileKey(): Uint8Array | null {
    return this.#key === undefined ? null : Uint8Array.from(this.#key);
  }
}

async function reopen(copy: Uint8Array, key: FileKey | { readonly passphrase: string }): Promise<Uint8Array> {
  const decrypter = new Decrypter();
  if (key instanceof FileKey) decrypter.addIdentity(key);
  else decrypter.addPassphrase(key.passphrase);
  try {
    return await decrypter.decrypt(copy);
  } catch {
    throw new DamagedError('what was written cannot be decrypted again');
  }
}

function addRecipients(encrypter: Encrypter, to: Extract<SealFor, { kind: 'recipients' }>, fileKey: FileKey): void {
  for (const recipient of to.recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch {
      const what = isPublic(recipient) ? `'${recipient}'` : 'one of the recipients';
      throw new PaletteKeysError('USAGE', `${what} is not an age recipient`, {
        hint: 'a recipient begins with age1; `age-keygen -o FILE` makes a key pair and prints it',
      });
    }
  }
  encrypter.addRecipient(fileKey);
}

/**
 * True for what may be quoted: it may come from the wrong file, and that may be one of secret keys. Public are the
 * recipients of age and of its plugins, public keys of SSH, and a word that is shorter than the passphrases we ask for.
 */
function isPublic(recipient: string): boolean {
  return [
    /^age1[a-z0-9]*$/i,
    /^(sk-)?(ssh|ecdsa)-[a-z0-9@.-]{1,40} AAAA[A-Za-z0-9+/]*={0,2}$/,
    /^[A-Za-z]{0,11}$/,
  ].some((form) => form.test(recipient));
}

function addIdentity(decrypter: Decrypter, identity: string): void {
  try {
    decrypter.addIdentity(identity);
  } catch {
    // Never quoted: it is a secret key.
    throw new PaletteKeysError('USAGE', 'the identity file holds a line that is not an age identity', {
      hint: 'an identity begins with AGE-SECRET-KEY-1; lines that begin with # are comments',
    });
  }
}

function rejected(message: string, hint: string): PaletteKeysError {
  return new PaletteKeysError('BACKUP_REJECTED', `the backup cannot be opened: ${message}`, { hint });
}
