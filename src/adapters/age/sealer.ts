import { Decrypter, Encrypter, type Identity, type Recipient } from 'age-encryption';
import { DamagedError, PaletteKeysError } from '../../errors.ts';
import type { OpenWith, Sealed, Sealer, SealFor } from '../../ports/sealer.ts';
import { collect, readHeader, rejected, whole } from './file.ts';
import { PassphraseKey } from './passphrase.ts';

/** age files by typage, the age author's own implementation in TypeScript. */
export const ageSealer: Sealer = {
  async seal(plain, to) {
    const encrypter = new Encrypter();
    const key = to.kind === 'passphrase' ? new PassphraseKey(to.passphrase) : new FileKey();
    if (to.kind === 'recipients') addRecipients(encrypter, to);
    encrypter.addRecipient(key);
    const bytes = await encrypter.encrypt(plain);
    return { bytes, reopen: (copy) => reopen(copy, key) } satisfies Sealed;
  },

  async open(file, key) {
    const { head, more } = await readHeader(file);
    try {
      const { fileKey, isFormer } = await unlock(head, key);
      const decrypter = new Decrypter();
      decrypter.addIdentity(new FileKey(fileKey));
      return { plain: await collect(await decrypter.decrypt(whole(head, more))), isFormer };
    } catch (error) {
      if (error instanceof PaletteKeysError) throw error;
      // What the library says is not passed on: it may quote what it read.
      throw damaged();
    } finally {
      await more.return?.();
    }
  },
};

/** The key of the file, by its header alone. `isFormer`: by the passphrase as earlier builds read it. */
async function unlock(head: Uint8Array, key: OpenWith): Promise<{ fileKey: Uint8Array; isFormer: boolean }> {
  if (key.kind === 'identities') {
    const decrypter = new Decrypter();
    for (const identity of key.identities) addIdentity(decrypter, identity);
    return { fileKey: await decrypter.decryptHeader(head), isFormer: false };
  }
  for (const [passphrase, isFormer] of [[key.passphrase, false] as const, [key.former, true] as const]) {
    if (passphrase === undefined) continue;
    const decrypter = new Decrypter();
    decrypter.addIdentity(new PassphraseKey(passphrase));
    const fileKey = await decrypter.decryptHeader(head).catch(() => undefined);
    if (fileKey !== undefined) return { fileKey, isFormer };
  }
  throw key.unread ?? damaged();
}

function damaged(): PaletteKeysError {
  return rejected(
    'it is damaged, or the given key is not the one that opens it',
    'check which key the backup was made for, and compare the file with another copy of it',
  );
}

/** A recipient that adds nothing to the file and learns its key, so that what was written can be opened again. */
class FileKey implements Recipient, Identity {
  #key: Uint8Array | undefined;

  constructor(key?: Uint8Array) {
    this.#key = key;
  }

  wrapFileKey(fileKey: Uint8Array): [] {
    this.#key = Uint8Array.from(fileKey);
    return [];
  }

  unwrapFileKey(): Uint8Array | null {
    return this.#key === undefined ? null : Uint8Array.from(this.#key);
  }
}

async function reopen(copy: Uint8Array, key: Identity): Promise<Uint8Array> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(key);
  try {
    return await decrypter.decrypt(copy);
  } catch {
    throw new DamagedError('what was written cannot be decrypted again');
  }
}

function addRecipients(encrypter: Encrypter, to: Extract<SealFor, { kind: 'recipients' }>): void {
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
}

/** May be quoted: recipients, public keys of SSH, words too short for a passphrase. All else may be a secret. */
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
