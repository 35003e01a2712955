// Started by fake-collection-server.ts as a process of its own: serves one FakeCollection until its parent is gone.
import { FakeCollection } from './fake-collection.ts';
import { failed, startFakeMongodb } from './fake-server.ts';
import { ScramServer } from './scram.ts';
import type { ServerSetup } from './server.ts';

process.once('disconnect', () => process.exit());
process.once('message', async ({ username, ...setup }: ServerSetup & { readonly username: string }) => {
  const collection = new FakeCollection();
  const logins = new ScramServer((name) => (name === username ? setup.password : undefined));
  const { uri } = await startFakeMongodb(
    (command, connection) => {
      const login = logins.answer(command, connection);
      if (login !== undefined) return login;
      if (connection.user === undefined) return failed(13, 'not authorized');
      return collection.answer(command);
    },
    {},
    setup,
    false,
  );
  process.send?.(Number(new URL(uri.replace('mongodb:', 'http:')).port));
});
