import { type MongoClient, MongoNetworkError } from 'mongodb';
import { PaletteKeysError } from '../../errors.ts';
import { explain } from './explain.ts';

/**
 * What tells a primary in its term from every other. Undefined where the server takes no writes. Of a sharded cluster,
 * where any router may answer, it says nothing but that it takes them.
 */
export async function primaryOf(client: MongoClient): Promise<string | undefined> {
  const ask = () => client.db('admin').command({ hello: 1 });
  // The driver repeats reads where a connection breaks off, but no commands.
  const hello = await ask().catch((error: unknown) => {
    if (error instanceof MongoNetworkError) return ask();
    throw error;
  });
  const { isWritablePrimary, msg, setName, setVersion, electionId, me, topologyVersion } = hello;
  if (isWritablePrimary !== true) return undefined;
  const processId = msg === 'isdbgrid' ? undefined : topologyVersion?.processId;
  return JSON.stringify([setName, setVersion, electionId, me, processId]);
}

/**
 * A read that is whole only if one primary gave every answer: one that has stepped down goes on answering. Throws
 * DATABASE_UNAVAILABLE at its end otherwise. `read` must not have begun.
 */
export async function* onOnePrimary<T>(
  client: MongoClient,
  location: string,
  read: AsyncIterable<T>,
): AsyncGenerator<T> {
  try {
    const before = await primaryOf(client);
    if (before === undefined) throw moved(location);
    yield* read;
    if ((await primaryOf(client)) !== before) throw moved(location);
  } catch (error) {
    throw explain(error, location);
  }
}

function moved(location: string): PaletteKeysError {
  return new PaletteKeysError(
    'DATABASE_UNAVAILABLE',
    `${location}: another primary was elected while it was read, and what that one took may be missing`,
    { hint: 'wait until the replica set is at rest, and run the command again' },
  );
}
