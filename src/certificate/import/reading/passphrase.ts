import { DamagedError } from '../../../errors.ts';
import { Fault } from './fault.ts';

/** Rounds that one passphrase may cost in a file. The most that is usual are nine derivations of 600,000 (certtool). */
const MAX_ROUNDS = 5_500_000;

/** One spelling of a passphrase in bytes, as key derivations take it. */
export interface Spelling {
  /** UTF-8, for PBKDF2 and scrypt. */
  readonly bytes: Buffer;
  /** A BMPString with two closing zeros, for PKCS#12's own derivation (RFC 7292, appendix B.1). */
  readonly bmp: Buffer;
  /** Rounds that are left in this file. */
  left: number;
}

export interface Passphrases {
  readonly given: boolean;
  readonly spellings: readonly Spelling[];
}

/** Besides the right one: that of old OpenSSL (bytes of UTF-8 as characters), and none, which some write as empty. */
export function passphrasesOf(passphrase: string | undefined): Passphrases {
  const given = passphrase === undefined ? [] : [passphrase];
  const utf8 = given.map((text) => Buffer.from(text, 'utf8').toString('latin1')).filter((text) => text !== passphrase);
  const spelled = [...given, ...utf8].filter((text) => text !== '');
  const bytes = (): Buffer => Buffer.from(passphrase ?? '', 'utf8');
  return {
    given: passphrase !== undefined,
    spellings: [
      ...spelled.map((text) => ({ bytes: bytes(), bmp: bmpOf(text), left: MAX_ROUNDS })),
      { bytes: Buffer.alloc(0), bmp: bmpOf(''), left: MAX_ROUNDS },
      { bytes: Buffer.alloc(0), bmp: Buffer.alloc(0), left: MAX_ROUNDS },
    ],
  };
}

function bmpOf(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf16le').swap16();
}

/** Throws Fault where that many rounds are too many, so that nobody is asked for a passphrase in vain. */
export function affordable(rounds: number): number {
  if (rounds < 1) throw new DamagedError('a key derivation has no rounds');
  if (rounds > MAX_ROUNDS) throw tooExpensive();
  return rounds;
}

/** Before the work is done. Throws Fault. */
export function spend(spelling: Spelling, rounds: number): void {
  spelling.left -= rounds;
  if (spelling.left < 0) throw tooExpensive();
}

export function tooExpensive(): Fault {
  return new Fault(
    'KDF_TOO_EXPENSIVE',
    `To try one passphrase takes more than ${MAX_ROUNDS.toLocaleString('en')} rounds.`,
    'Export it anew with the defaults of `openssl pkcs12 -export` or `openssl pkcs8 -topk8`, which take 2,048.',
  );
}

export function renewRounds({ spellings }: Passphrases): void {
  for (const spelling of spellings) spelling.left = MAX_ROUNDS;
}

export function wipePassphrases({ spellings }: Passphrases): void {
  for (const { bytes, bmp } of spellings) {
    bytes.fill(0);
    bmp.fill(0);
  }
}
