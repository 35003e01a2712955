import type { Entries, NewObject } from '../ports/key-store.ts';

/** A version whose key is searched for. */
export interface Wanted {
  readonly kid: string;
  /** The name of its ledger entry: a copy that was cut off may end before the kid. */
  readonly name: string;
  /** The entries of its key, where they are at hand: then copies without a kid are found, too. */
  readonly entries?: Entries | undefined;
}

/** Entries of the ledger that are secret. */
const SECRET_ENTRIES = ['key', 'key.pem', 'password', 'keyfile'];
/** Shorter ones could be found by chance. */
const MIN_BYTES = 16;

/**
 * Returns a function that finds, in the bytes of a file or of a manifest, the kids of the versions whose keys they seem
 * to hold. A kid alone tells nothing: records, logs and notes name it. It counts inside base64, as in a Secret's data,
 * and in a text that holds a Secret, a private JWK or a private key in PEM.
 */
export function keyFinder(wanted: readonly Wanted[]): (bytes: Uint8Array) => readonly string[] {
  const marks = wanted.map(({ kid, name, entries }) => ({
    kid,
    plain: [Buffer.from(kid)],
    encoded: base64Forms(Buffer.from(kid)),
    name: new RegExp(String.raw`"?name"?\s*:\s*"?${escaped(name)}"?\s*(?:[,}\r\n]|$)`),
    material: entries === undefined ? [] : materialForms(entries),
  }));
  return (bytes) => {
    const held = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const has = (forms: readonly Buffer[]): boolean => forms.some((form) => held.includes(form));
    const text = held.toString('latin1');
    const isSecret = /"?kind"?\s*:\s*"?Secret\b|"k"\s*:|PRIVATE KEY-----/.test(text);
    return marks
      .filter(({ plain, encoded, name, material }) => {
        if (has(material) || has(encoded)) return true;
        return isSecret && (has(plain) || name.test(text));
      })
      .map(({ kid }) => kid);
  };
}

/** A Secret of a store as the manifest that `keyFinder` reads. */
export function asManifest({ ref, labels, annotations, data }: NewObject): Uint8Array {
  const encoded = Object.entries(data).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]);
  const metadata = { name: ref.name, namespace: ref.namespace, labels, annotations };
  return Buffer.from(JSON.stringify({ kind: ref.kind, metadata, data: Object.fromEntries(encoded) }));
}

function materialForms(entries: Entries): readonly Buffer[] {
  return SECRET_ENTRIES.flatMap((name) => {
    const bytes = entries[name];
    const telling = bytes === undefined ? undefined : tellingPart(Buffer.from(bytes));
    if (telling === undefined || telling.length < MIN_BYTES) return [];
    const hex = telling.toString('hex');
    return [telling, ...base64Forms(telling), ...[hex, hex.toUpperCase()].map((form) => Buffer.from(form))];
  });
}

/**
 * Of a text in lines, as PEM, one from its middle: how lines end may have changed, and the first ones of a private key
 * are those of its public key.
 */
function tellingPart(bytes: Buffer): Buffer {
  const lines = bytes
    .toString('latin1')
    .split(/\r?\n/)
    .filter((line) => line !== '' && !line.startsWith('-----'));
  const isText = lines.length > 1 && /^[\x20-\x7e\r\n]*$/.test(bytes.toString('latin1'));
  const isPem = bytes.subarray(0, 5).equals(Buffer.from('-----'));
  return isText || isPem ? Buffer.from(lines[Math.floor(lines.length / 2)] ?? '', 'latin1') : bytes;
}

/** How bytes look inside a longer text in base64 or base64url, wherever in it they begin. */
function base64Forms(bytes: Buffer): readonly Buffer[] {
  const forms = [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    // Characters that hold bits of what stands before or after are left out.
    return encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
  });
  const urls = forms.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'));
  return [...new Set([...forms, ...urls])].map((form) => Buffer.from(form));
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
