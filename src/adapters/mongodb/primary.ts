import { type MongoClient, MongoNetworkError } from 'mongodb';
import { PaletteKeysError } from '../../errors.ts';
import { explain } from './explain.ts';

/**
 * What tells a primary in its term of office from every other: election, configuration, member and process. Undefined
 * where the server takes no writes. Who is in no replica set says less, and is compared by that: of a sharded cluster, where
 * any router may answer, nothing but that it takes writes.
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
 * A read of many answers, which is whole only if one and the same primary gave all of them: a server that has stepped down
 * goes on answering, and does not know what the new primary takes. Fails at its end, with DATABASE_UNAVAILABLE, where
 * another one was elected; asks nothing then of whoever has seen enough before. `read` must not have begun.
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
