import { createPrivateKey, getCiphers } from 'node:crypto';
import { unsupported } from './derive.ts';
import { addDecryptedKey, addKey, type Draft, nextKey, noteFault } from './draft.ts';
import { Fault } from './fault.ts';
import type { Spelling } from './passphrase.ts';
import { isWhole, readScheme } from './scheme.ts';
import { childrenOf, type Element, octetsOf } from './tlv.ts';

export function wrongPassphrase(): Fault {
  return new Fault(
    'WRONG_PASSPHRASE',
    'The passphrase does not open it.',
    'Check capitals, keyboard layout and a blank at its end. To try one out: for a key `openssl pkey -in FILE -noout`, for PKCS#12 `openssl pkcs12 -in FILE -noout`.',
  );
}

/** EncryptedPrivateKeyInfo (RFC 5208, section 6). Throws Fault and DamagedError. */
export async function readEncryptedKey(draft: Draft, element: Element): Promise<void> {
  const [algorithm, data] = childrenOf(element);
  const decrypt = readScheme(algorithm);
  const bytes = octetsOf(data);
  for (const spelling of distinct(draft)) {
    const der = await decrypt(spelling, bytes);
    if (der === undefined) continue;
    if (isWhole(der)) {
      draft.repairs.add('DECRYPTED_KEY');
      addKey(draft, der, 'pkcs8');
      der.fill(0);
      return;
    }
    der.fill(0);
  }
  stayLocked(draft);
}

/** A key whose PEM headers tell how it is encrypted (RFC 1421, section 4.6.1.3). Throws Fault. */
export function readKeyWithHeaders(draft: Draft, label: string, encryption: string, content: Buffer): void {
  const [cipher = ''] = encryption.split(',');
  if (!getCiphers().includes(cipher.toLowerCase())) throw unsupported();
  const lines = content.toString('base64').match(/.{1,64}/g) ?? [];
  const key = [
    `-----BEGIN ${label}-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: ${encryption}\n`,
    ...lines,
    `-----END ${label}-----\n`,
  ].join('\n');
  for (const { bytes } of distinct(draft)) {
    try {
      addDecryptedKey(draft, createPrivateKey({ key, passphrase: bytes }));
      return;
    } catch {
      // Not this one; whether the passphrase is wrong or the key is damaged cannot be told apart.
    }
  }
  stayLocked(draft);
}

/** Spellings that differ only for PKCS#12 are one here. */
function distinct(draft: Draft): readonly Spelling[] {
  const all = draft.passphrases.spellings;
  return all.filter(({ bytes }, at) => all.findIndex((other) => other.bytes.equals(bytes)) === at);
}

function stayLocked(draft: Draft): void {
  const source = nextKey(draft);
  if (draft.passphrases.given) noteFault(draft, wrongPassphrase(), source);
  else draft.gathered.locked.push(source);
}
