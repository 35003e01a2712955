import { symmetricKind } from '../symmetric.ts';

/** Encrypts the tenant keys. Lost, all tenant data is lost; so it is the first thing that is ever written. */
export const rootKey = symmetricKind({
  id: 'root-key',
  title: 'Root key',
  dependsOn: [],
  alg: 'A256GCM',
  entryName: 'key',
});
