// Covers: src/adapters/age/file.ts, src/adapters/age/passphrase.ts

import { Encrypter, generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { describe, expect, test } from 'vitest';
import { ageSealer } from '../../../src/adapters/age/sealer.ts';
import { DamagedError, PaletteKeysError } from '../../../src/errors.ts';
import type { OpenWith, SealFor } from '../../../src/ports/sealer.ts';
import { processorTime } from '../../support/processor-time.ts';
import { chance, chanceBytes } from '../../support/seed.ts';

const randomInt = chance('sealer');
const randomBytes = chanceBytes('sealer');

const PASSPHRASE = 'correct-horse-battery-staple';
const TEXT = Buffer.from('{"kind":"List","items":["CANARY"]}');

const [ours, theirs, unmanagedObjects] = await Promise.all([keyPair(), keyPair(), keyPair()]);

interface KeyPair {
  readonly identity: string;
  readonly recipient: string;
}

async function keyPair(identity = generateX25519Identity()): Promise<KeyPair> {
  const secret = await identity;
  return { identity: secret, recipient: await identityToRecipient(secret) };
}

function to(...pairs: readonly KeyPair[]): SealFor {
  return { kind: 'recipients', recipients: pairs.map(({ recipient }) => recipient) };
}

function by(...pairs: readonly KeyPair[]): OpenWith {
  return { kind: 'identities', identities: pairs.map(({ identity }) => identity) };
}

/** As `seal` makes it, but tried in a moment: each try of a real one takes a second. */
async function quickPassphraseFile(): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  encrypter.setScryptWorkFactor(4);
  encrypter.setPassphrase(PASSPHRASE);
  return encrypter.encrypt(TEXT);
}

const passphrase = (text = PASSPHRASE) => ({ kind: 'passphrase', passphrase: text }) as const;

/** Opening has to be rejected, in words that quote neither key nor content. */
async function expectRejected(file: Uint8Array, key: OpenWith, what = ''): Promise<void> {
  const error = await ageSealer.open([file], key).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error, what).toBeInstanceOf(PaletteKeysError);
  expect(error, what).toMatchObject({ code: 'BACKUP_REJECTED', exit: 4 });
  const said = error instanceof PaletteKeysError ? `${error.message} ${error.hint} ${error.cause}` : '';
  expect(said).not.toMatch(/AGE-SECRET|CANARY|correct-horse/);
}

describe('what is sealed', () => {
  test('is opened by its recipient, and by each of several', async () => {
    for (const recipients of [[ours], [theirs, ours], [theirs, ours, unmanagedObjects]]) {
      const { bytes } = await ageSealer.seal(TEXT, to(...recipients));
      for (const one of recipients) expect(Buffer.from((await ageSealer.open([bytes], by(one))).plain)).toEqual(TEXT);
      expect(Buffer.from((await ageSealer.open([bytes], by(await keyPair(), ours))).plain)).toEqual(TEXT);
    }
  });

  test('for a recipient that stands quantum computers is opened by its identity', async () => {
    const pair = await keyPair(generateHybridIdentity());
    const { bytes } = await ageSealer.seal(TEXT, to(pair));
    expect(Buffer.from((await ageSealer.open([bytes], by(pair))).plain)).toEqual(TEXT);
  });

  test('with a passphrase is opened by it, and proven', async () => {
    const { bytes, reopen } = await ageSealer.seal(TEXT, passphrase());
    expect(Buffer.from(bytes).toString('latin1')).toMatch(/^-> scrypt \S{22} 18$/m);
    expect(Buffer.from(await reopen(bytes))).toEqual(TEXT);
    // Its header is damaged, which is found before the passphrase is tried: a try takes a second.
    await expect(reopen(bytes.subarray(1))).rejects.toThrow(DamagedError);
  });

  test('with a passphrase is opened by it, and by nothing else', async () => {
    const bytes = await quickPassphraseFile();
    expect(Buffer.from((await ageSealer.open([bytes], passphrase())).plain)).toEqual(TEXT);
    await expectRejected(bytes, passphrase(`${PASSPHRASE} `));
    await expectRejected(bytes, by(ours));
  });

  test.each([0, 1, 65_535, 65_536, 65_537, 200_000])('comes back whole where it has %i bytes', async (length) => {
    const plain = randomBytes(length);
    const { bytes, reopen } = await ageSealer.seal(plain, to(ours));
    expect(Buffer.from((await ageSealer.open([bytes], by(ours))).plain).equals(plain)).toBe(true);
    expect(Buffer.from(await reopen(bytes)).equals(plain)).toBe(true);
  });

  test('shows nothing of the content, and is another file each time', async () => {
    const [one, two] = await Promise.all([ageSealer.seal(TEXT, to(ours)), ageSealer.seal(TEXT, to(ours))]);
    expect(Buffer.from(one.bytes).includes('CANARY')).toBe(false);
    expect(Buffer.from(one.bytes).equals(two.bytes)).toBe(false);
  });

  test('names its recipients, and nobody else', async () => {
    const { bytes } = await ageSealer.seal(TEXT, to(ours, theirs));
    const header = Buffer.from(bytes).toString('latin1').split('\n--- ')[0] ?? '';
    expect(header.split('\n').filter((line) => line.startsWith('-> '))).toHaveLength(2);
    expect(header).toMatch(/^age-encryption\.org\/v1\n(-> X25519 \S{43}\n\S{43}\n?){2}$/);
  });
});

describe('the proof that a copy can be opened again', () => {
  test('needs no secret key of the recipients', async () => {
    const { bytes, reopen } = await ageSealer.seal(TEXT, to(ours, theirs));
    expect(Buffer.from(await reopen(Uint8Array.from(bytes)))).toEqual(TEXT);
  });

  test('fails for any other copy', async () => {
    const { bytes, reopen } = await ageSealer.seal(TEXT, to(ours));
    const other = await ageSealer.seal(TEXT, to(ours));
    for (const copy of [bytes.subarray(1), bytes.subarray(0, -1), new Uint8Array(), other.bytes]) {
      await expect(reopen(copy)).rejects.toThrow(DamagedError);
    }
    for (let at = 0; at < bytes.length; at++) {
      await expect(reopen(changed(bytes, at, 1)), `byte ${at}`).rejects.toThrow(DamagedError);
    }
  });
});

function changed(bytes: Uint8Array, at: number, by: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ by;
  return copy;
}

describe('what cannot be opened', () => {
  test('because the key is another one', async () => {
    const { bytes } = await ageSealer.seal(TEXT, to(ours, theirs));
    await expectRejected(bytes, by(unmanagedObjects));
    await expectRejected(bytes, by(unmanagedObjects, await keyPair()));
    await expectRejected(bytes, passphrase());
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['one byte', Buffer.from('a')],
    ['text', Buffer.from('{"kind":"List","items":[]}')],
    ['a List in the clear', TEXT],
    ['the first line of an age file', Buffer.from('age-encryption.org/v1\n')],
    ['a newer age format', Buffer.from('age-encryption.org/v2\n-> X25519 AA\nAA\n--- AA\n')],
    ['a header without a content', Buffer.from('age-encryption.org/v1\n-> X25519 AA\nAA\n--- AA')],
    ['a file of GnuPG', Buffer.from('-----BEGIN PGP MESSAGE-----\n\nhQEM\n-----END PGP MESSAGE-----\n')],
    ['zeros', Buffer.alloc(5000)],
    ['noise', randomBytes(5000)],
  ])('because it is %s', async (_, bytes) => {
    await expectRejected(bytes, by(ours));
    await expectRejected(bytes, passphrase());
  });

  test('because a byte of it is another one, at whatever position', async () => {
    const { bytes } = await ageSealer.seal(TEXT, to(theirs, ours));
    for (let at = 0; at < bytes.length; at++) {
      for (const by_ of [1, 0x80, 1 + randomInt(255)])
        await expectRejected(changed(bytes, at, by_), by(ours), `byte ${at} ^ ${by_}`);
    }
  });

  test('because a byte of a file with a passphrase is another one, at whatever position', async () => {
    const bytes = await quickPassphraseFile();
    // 4 ^ 1 is 5, which is as quick; other digits would be tried for a long time.
    for (let at = 0; at < bytes.length; at++) await expectRejected(changed(bytes, at, 1), passphrase(), `byte ${at}`);
  });

  test('because it is cut off, wherever', async () => {
    const { bytes } = await ageSealer.seal(TEXT, to(ours));
    for (let length = 0; length < bytes.length; length++) {
      await expectRejected(bytes.subarray(0, length), by(ours), `${length} bytes`);
    }
  });

  test('because something is added to it', async () => {
    const { bytes } = await ageSealer.seal(TEXT, to(ours));
    for (const more of [Buffer.from('\n'), Buffer.alloc(16), bytes]) {
      await expectRejected(Buffer.concat([bytes, more]), by(ours));
    }
  });

  test('because parts of a large one are gone, or in another order', async () => {
    const CHUNK = 65_536 + 16;
    const { bytes } = await ageSealer.seal(randomBytes(3 * 65_536 + 100), to(ours));
    const start = bytes.length - (3 * CHUNK + 100 + 16);
    const chunk = (n: number): Uint8Array =>
      bytes.subarray(start + n * CHUNK, Math.min(start + (n + 1) * CHUNK, bytes.length));
    const head = bytes.subarray(0, start);
    for (const order of [[0, 1, 2], [0, 1], [], [1, 0, 2, 3], [0, 2, 3], [0, 1, 2, 3, 3], [3]]) {
      await expectRejected(Buffer.concat([head, ...order.map(chunk)]), by(ours), `chunks ${order}`);
    }
  });

  test('because a byte of a large one is another one', async () => {
    const { bytes } = await ageSealer.seal(randomBytes(150_000), to(ours));
    for (let round = 0; round < 100; round++) {
      const at = randomInt(bytes.length);
      await expectRejected(changed(bytes, at, 1 + randomInt(255)), by(ours), `byte ${at}`);
    }
  });

  test('because its passphrase would take hours to try: it is told at once', async () => {
    const harder = Buffer.from(await quickPassphraseFile())
      .toString('latin1')
      .replace(/^(-> scrypt \S+) 4$/m, '$1 30');
    const used = processorTime();
    await expectRejected(Buffer.from(harder, 'latin1'), passphrase());
    expect(used()).toBeLessThan(5000);
  });
});

describe('what is no key', () => {
  test.each([
    ['nothing', ''],
    ['a word', 'somebody'],
    ['a recipient that is cut off', ours.recipient.slice(0, -1)],
    ['a recipient with a slip in it', ours.recipient.replace(/.$/, (last) => (last === 'q' ? 'p' : 'q'))],
    ['an SSH key', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN'],
    ['a recipient of a plugin', 'age1yubikey1qt5d626qyvwy5r4u42vkejyuqz9usrcfhnd3p9qr5tqxc3hypg4d5wz3v8x'],
  ])('%s is not sealed for, and named', async (_, recipient) => {
    const sealing = ageSealer.seal(TEXT, { kind: 'recipients', recipients: [ours.recipient, recipient] });
    await expect(sealing).rejects.toMatchObject({ code: 'USAGE', exit: 2 });
    await expect(sealing).rejects.toThrow(recipient);
  });

  test.each([
    ['an identity', ours.identity],
    ['an identity in small letters', ours.identity.toLowerCase()],
    ['an identity behind a recipient', `${ours.recipient} ${theirs.identity}`],
    ['an identity behind a key of SSH', `ssh-ed25519 AAAAC3Nz ${ours.identity}`],
    ['a line of PEM', '-----BEGIN PRIVATE KEY-----'],
    ['what stands in PEM', 'MC4CAQAwBQYDK2VwBCIEIFjbhZeFOlBNJFtzNNz9GzGeheikRkjVQm'],
    ['a random key in base64', randomBytes(32).toString('base64')],
    ['a random key in letters', 'kqzvbwfxjrhtmnpl'],
    ['a passphrase', 'kelp-otter-mango'],
  ])('%s in the place of a recipient, as from the wrong file, is not quoted', async (_, secret) => {
    const sealing = ageSealer.seal(TEXT, { kind: 'recipients', recipients: [secret] });
    await expect(sealing).rejects.toMatchObject({ code: 'USAGE' });
    await expect(sealing).rejects.not.toThrow(secret);
    await expect(sealing).rejects.toThrow('one of the recipients is not an age recipient');
  });

  test.each([
    ['a word', 'somebody'],
    ['a recipient', ours.recipient],
    ['an identity that is cut off', ours.identity.slice(0, -1)],
    ['an identity with a slip in it', ours.identity.replace(/.$/, (last) => (last === 'Q' ? 'P' : 'Q'))],
  ])('%s opens nothing: a usage error that does not quote it', async (_, identity) => {
    const { bytes } = await ageSealer.seal(TEXT, to(ours));
    const opening = ageSealer.open([bytes], { kind: 'identities', identities: [identity] });
    await expect(opening).rejects.toMatchObject({ code: 'USAGE', exit: 2 });
    await expect(opening).rejects.not.toThrow(identity);
  });
});
