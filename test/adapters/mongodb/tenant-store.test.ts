// Covers: src/adapters/mongodb/decode.ts

import { describe } from 'vitest';
import { openMongodbTenantStore } from '../../../src/adapters/mongodb/tenant-store.ts';
import type { TenantDocument } from '../../../src/ports/tenant-store.ts';
import { MemoryTenantStore } from '../../support/memory-tenant-store.ts';
import { startFakeCollection } from '../../support/mongodb/fake-collection-server.ts';
import {
  haveMongodbOrSkip,
  type MongodbServer,
  someSetup,
  startMongodb,
  USERNAME,
} from '../../support/mongodb/server.ts';
import { type TenantStoreUnderTest, tenantStoreContract } from '../../support/tenant-store-contract.ts';

tenantStoreContract('memory', async () => {
  const store = new MemoryTenantStore();
  return {
    store,
    again: new MemoryTenantStore(store.documents),
    empty: async () => store.documents.clear(),
    put: async (document) => store.put(document),
  };
});

describe.skipIf(!haveMongodbOrSkip())('on a server', () => {
  tenantStoreContract('MongoDB', () => storesOn(startMongodb));
});

// So that what is shown on it counts.
tenantStoreContract('MongoDB on the fake of big collections', () => storesOn(startFakeCollection));

async function storesOn(startServer: typeof startMongodb): Promise<TenantStoreUnderTest> {
  const server: MongodbServer = await startServer(await someSetup());
  const open = () =>
    openMongodbTenantStore({
      uri: server.uri,
      login: { username: USERNAME, password: server.setup.password },
      authSource: 'admin',
      ca: server.setup.caPem,
      timeoutMs: 5000,
      database: 'hubbledb',
      collection: 'tenantKeys',
    });
  const [store, again] = [await open(), await open()];
  const documents = server.client.db('hubbledb').collection<TenantDocument>('tenantKeys');
  return {
    store,
    again,
    empty: async () => void (await documents.deleteMany({})),
    put: async (document) => void (await documents.insertOne({ ...document } as never)),
    dispose: async () => {
      await Promise.all([store.close(), again.close()]);
      await server.stop();
    },
  };
}
