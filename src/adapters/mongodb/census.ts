import type { Collection, Document } from 'mongodb';
import type { Census, FieldCounts } from '../../ports/census.ts';
import { type Connection, connectTo, hostsOf, makeClient, withAuthSource } from './connect.ts';
import { explain } from './explain.ts';
import { onOnePrimary } from './primary.ts';

export interface CensusOptions extends Connection {
  readonly database: string;
  readonly collection: string;
}

/** Connects. Throws USAGE, DATABASE_UNAVAILABLE, DATABASE_UNTRUSTED and DATABASE_DENIED. */
export async function openMongodbCensus(options: CensusOptions): Promise<Census> {
  const { uri, database, collection } = options;
  const client = makeClient(await withAuthSource(options));
  const location = `MongoDB at ${hostsOf(uri)}, ${database}.${collection}`;
  const close = (): Promise<void> => client.close().catch(() => undefined);
  let records: Collection;
  try {
    records = (await connectTo(client, database)).collection(collection);
  } catch (error) {
    await close();
    throw explain(error, location);
  }
  return {
    location,
    close,
    count: (field, values) => {
      const group = { $group: { _id: `$${field}`, count: { $sum: 1 } } };
      // A field of many values (the wrong one) may take more memory than a server gives to one stage, and hold any text.
      const groups = records.aggregate([group], { allowDiskUse: true, enableUtf8Validation: false });
      return countIn(onOnePrimary(client, location, groups), values);
    },
  };
}

async function countIn(groups: AsyncIterable<Document>, values: readonly string[]): Promise<FieldCounts> {
  const byValue = new Map<string, number>();
  let [others, without] = [0, 0];
  for await (const { _id: value, count } of groups) {
    if (typeof value !== 'string') without += Number(count);
    else if (values.includes(value)) byValue.set(value, (byValue.get(value) ?? 0) + Number(count));
    else others += Number(count);
  }
  return { byValue, others, without };
}
