import { fingerprint } from '../crypto/digest.ts';
import { publicKeyKid } from '../crypto/kid.ts';
import { decodePrivateKey, joseAlgorithm, spkiOf } from '../crypto/private-key.ts';
import { DamagedError } from '../errors.ts';
import { entry } from '../ledger/text.ts';
import type { VersionedKind } from './kind.ts';

/**
 * A key for which a certificate was asked for, with the request: `csr` makes both, and only the request leaves the store. The newest one is
 * active; those before it are kept, because the answer to an older request may still come.
 */
export const fqdnKey: VersionedKind = {
  versioned: true,
  madeByInit: false,
  id: 'fqdn-key',
  title: 'Key of a certificate request',
  dependsOn: ['root-key'],
  generate: () => Promise.reject(new Error('csr makes the key that was asked for')),
  inspect: ({ alg, entries }) => {
    const key = decodePrivateKey(entry(entries, 'key.pem'));
    if (alg !== joseAlgorithm(key)) throw new DamagedError('its entry alg contradicts its key');
    entry(entries, 'request.csr');
    const spki = spkiOf(key);
    return { kid: publicKeyKid(spki), fingerprint: fingerprint(spki) };
  },
  drift: () => undefined,
  projections: () => [],
  adoption: undefined,
  replaceable: false,
};
