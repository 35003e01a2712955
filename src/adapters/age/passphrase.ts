import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { type Identity, type Recipient, Stanza } from 'age-encryption';

/** N of scrypt is 2 to this power: what age writes. */
const WORK_FACTOR = 18;

/** 1 GiB of memory, and seconds: nothing is written with more. */
const MOST_WORK = 20;

const SALT_BYTES = 16;
const TAG_BYTES = 16;
const CIPHER = 'chacha20-poly1305';

/** scrypt by Node: that of the age library takes seconds in JavaScript, and obeys no signal meanwhile. */
export class PassphraseKey implements Recipient, Identity {
  readonly #passphrase: string;

  constructor(passphrase: string) {
    this.#passphrase = passphrase;
  }

  async wrapFileKey(fileKey: Uint8Array): Promise<Stanza[]> {
    const salt = randomBytes(SALT_BYTES);
    const cipher = createCipheriv(CIPHER, await this.#keyOf(salt, WORK_FACTOR), nonce(), { authTagLength: TAG_BYTES });
    const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
    return [new Stanza(['scrypt', withoutPadding(salt), String(WORK_FACTOR)], new Uint8Array(body))];
  }

  /** Null where the passphrase does not open it. Throws for a header that age does not allow. */
  async unwrapFileKey(stanzas: Stanza[]): Promise<Uint8Array | null> {
    const [stanza, ...others] = stanzas;
    if (stanza === undefined || stanzas.every(({ args }) => args[0] !== 'scrypt')) return null;
    const [, text = '', work = '', ...rest] = stanza.args;
    const salt = Buffer.from(text, 'base64');
    const sound = others.length === 0 && rest.length === 0 && withoutPadding(salt) === text && /^[1-9]\d?$/.test(work);
    if (!sound || salt.length !== SALT_BYTES || Number(work) > MOST_WORK || stanza.body.length !== 16 + TAG_BYTES) {
      throw new Error('not a scrypt stanza that can be opened');
    }
    const key = await this.#keyOf(salt, Number(work));
    const decipher = createDecipheriv(CIPHER, key, nonce(), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(stanza.body.subarray(16));
    const fileKey = decipher.update(stanza.body.subarray(0, 16));
    try {
      decipher.final();
      return new Uint8Array(fileKey);
    } catch {
      return null;
    }
  }

  #keyOf(salt: Uint8Array, work: number): Promise<Buffer> {
    const labelled = Buffer.concat([Buffer.from('age-encryption.org/v1/scrypt'), salt]);
    const options = { N: 2 ** work, r: 8, p: 1, maxmem: 2 ** work * 8 * 128 + 2 ** 20 };
    return new Promise((resolve, reject) => {
      scrypt(this.#passphrase, labelled, 32, options, (error, key) => (error === null ? resolve(key) : reject(error)));
    });
  }
}

/** Each key of scrypt encrypts once. */
function nonce(): Uint8Array {
  return new Uint8Array(12);
}

function withoutPadding(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}
