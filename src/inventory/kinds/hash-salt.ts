import { symmetricKind } from '../symmetric.ts';

/** Salts the hashes of passwords and e-mail ids. */
export const hashSalt = symmetricKind({
  id: 'hash-salt',
  title: 'Hash salt',
  dependsOn: ['root-key'],
  alg: 'HS256',
  entryName: 'salt',
});
