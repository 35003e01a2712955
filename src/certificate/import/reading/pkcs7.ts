import { DamagedError } from '../../../errors.ts';
import { addCertificate, type Draft } from './draft.ts';
import { childrenOf, type Element, oidOf, TAG } from './tlv.ts';

const SIGNED_DATA = '1.2.840.113549.1.7.2';

/** The certificates of SignedData (RFC 5652, section 5.1); of revocation lists and signatures nothing is made. */
export function readPkcs7(draft: Draft, contentInfo: Element): void {
  const [type, content] = childrenOf(contentInfo);
  if (oidOf(type) !== SIGNED_DATA) {
    draft.foreign.add('pkcs7-message');
    return;
  }
  const [signedData] = childrenOf(content);
  const fields = childrenOf(signedData);
  if (fields.length === 0) throw new DamagedError('PKCS#7 has no content');
  const set = childrenOf(fields.find(({ tag }) => tag === TAG.context0));
  const certificates = set.filter(({ tag }) => tag === TAG.sequence);
  if (certificates.length === 0) draft.foreign.add('pkcs7-message');
  else draft.repairs.add('CONVERTED_PKCS7');
  for (const { raw } of certificates) addCertificate(draft, raw);
}
