import { fingerprint } from '../../crypto/digest.ts';
import { publicKeyKid } from '../../crypto/kid.ts';
import { decodePrivateKey, joseAlgorithm, spkiOf } from '../../crypto/private-key.ts';
import { DamagedError } from '../../errors.ts';
import { entry, textEntry } from '../../ledger/text.ts';
import type { VersionedKind } from '../kind.ts';

/**
 * A key for which a certificate was asked for, with the request: `csr` makes both, and only the request leaves the store. The newest one is
 * active; those before it are kept, because the answer to an older request may still come.
 */
export const fqdnKey: VersionedKind = {
  versioned: true,
  id: 'fqdn-key',
  title: 'Key of a certificate request',
  dependsOn: ['root-key'],
  forms: [['key.pem', 'request.csr', 'subject']],
  generate: () => Promise.reject(new Error('csr makes the key that was asked for')),
  inspect: ({ alg, entries }) => {
    const key = decodePrivateKey(entry(entries, 'key.pem'));
    if (alg !== joseAlgorithm(key)) throw new DamagedError('its entry alg contradicts its key');
    const spki = spkiOf(key);
    checkRequest(textEntry(entries, 'request.csr'), spki);
    if (/\p{Cc}/u.test(textEntry(entries, 'subject'))) throw new DamagedError('entry subject is not a line of text');
    return { kid: publicKeyKid(spki), fingerprint: fingerprint(spki) };
  },
  drift: () => undefined,
  projections: () => [],
  adoption: undefined,
  policy: { madeByInit: false, hidesAccepted: false, replaceable: false },
};

/** A request of another key would get a certificate that nothing here can use; and it is shown as it is. */
function checkRequest(pem: string, spki: Uint8Array): void {
  const [, base64] =
    /^-----BEGIN CERTIFICATE REQUEST-----\n([A-Za-z0-9+/=\n]+)-----END CERTIFICATE REQUEST-----\n$/.exec(pem) ?? [];
  if (base64 === undefined) throw new DamagedError('entry request.csr is not a certificate request');
  if (!Buffer.from(base64, 'base64').includes(Buffer.from(spki)))
    throw new DamagedError('the request is not of the key');
}
