import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDirectoryStore } from '../../../src/adapters/directory/directory-store.ts';
import { keyStoreContract } from '../../support/key-store-contract.ts';
import { memoryStore } from '../../support/memory-store.ts';

keyStoreContract('the store in memory', async () => {
  const store = memoryStore();
  return { store, again: () => store.again(), namespaces: ['team-a', 'team-b'] };
});

keyStoreContract('the directory', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'palette-keys-'));
  const path = join(parent, 'keys');
  return {
    store: openDirectoryStore(path),
    again: () => openDirectoryStore(path),
    namespaces: ['team-a', 'team-b'],
    dispose: () => rm(parent, { recursive: true }),
  };
});
