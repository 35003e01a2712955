/**
 * Another implementation of X.509, to hold ours against. It finds its algorithms through a library that wants to see
 * the metadata functions of `Reflect`, which are not part of the language; nothing here has such metadata.
 */
Object.assign(Reflect, {
  getMetadata: () => undefined,
  getOwnMetadata: () => undefined,
  defineMetadata: () => undefined,
});

export const other = await import('@peculiar/x509');
