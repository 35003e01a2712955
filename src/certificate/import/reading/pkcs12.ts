import { DamagedError } from '../../../errors.ts';
import { addCertificate, addKey, type Draft } from './draft.ts';
import { wrongPassphrase } from './key.ts';
import { macInvalid, readMac } from './pkcs12-mac.ts';
import { openSafes, type Safe, wipeSafe } from './pkcs12-safe.ts';
import { childrenOf, type Element, octetsOf, oidOf } from './tlv.ts';

const DATA = '1.2.840.113549.1.7.1';

/** Certificates and keys of a PFX (RFC 7292, section 4). Throws Fault and DamagedError. */
export async function readPkcs12(draft: Draft, pfx: Element): Promise<void> {
  const [, authSafe, macData] = childrenOf(pfx);
  const [type, content] = childrenOf(authSafe);
  // Signed with a key in place of a passphrase: nobody makes such files.
  if (oidOf(type) !== DATA) throw new DamagedError('PKCS#12 is not protected by a passphrase');
  const bytes = octetsOf(childrenOf(content)[0]);
  const mac = macData === undefined ? undefined : readMac(macData);
  for (const spelling of draft.passphrases.spellings) {
    if (mac !== undefined && !(await mac.fits(spelling, bytes))) continue;
    const safe = await openSafes(bytes, spelling);
    if (safe !== undefined) return take(draft, safe);
  }
  if (mac !== undefined && (await opensWithoutMac(draft, bytes))) throw macInvalid();
  if (draft.passphrases.given) throw wrongPassphrase();
  draft.gathered.locked.push(draft.name);
}

/** A passphrase that decrypts is right, so that a MAC that disagrees is wrong. */
async function opensWithoutMac(draft: Draft, bytes: Buffer): Promise<boolean> {
  for (const spelling of draft.passphrases.spellings) {
    const safe = await openSafes(bytes, spelling);
    if (safe === undefined) continue;
    wipeSafe(safe);
    if (safe.encrypted) return true;
  }
  return false;
}

function take(draft: Draft, safe: Safe): void {
  draft.repairs.add('CONVERTED_PKCS12');
  try {
    for (const key of safe.keys) addKey(draft, key, 'pkcs8');
    for (const certificate of safe.certificates) addCertificate(draft, certificate);
  } finally {
    wipeSafe(safe);
  }
}
