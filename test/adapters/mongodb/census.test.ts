/** A census of records that the platform made: on a server, in any shape; and what is asked of a server. */
import { BSONRegExp, Long, ObjectId } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMongodbCensus } from '../../../src/adapters/mongodb/census.ts';
import type { Census } from '../../../src/ports/census.ts';
import { BROKEN, withBrokenText } from '../../support/mongodb/broken-text.ts';
import { startFakeMongodb } from '../../support/mongodb/fake-server.ts';
import {
  haveMongodbOrSkip,
  type MongodbServer,
  someSetup,
  startMongodb,
  USERNAME,
} from '../../support/mongodb/server.ts';

const [OLD, NEW] = ['a'.repeat(16), 'b'.repeat(16)];

describe.skipIf(!haveMongodbOrSkip())('a census on a server', () => {
  let server: MongodbServer;
  let census: Census;

  beforeAll(async () => {
    server = await startMongodb(await someSetup());
    const { uri, setup } = server;
    const login = { username: USERNAME, password: setup.password };
    const place = { database: 'hubbledb', collection: 'users' };
    census = await openMongodbCensus({ uri, login, authSource: 'admin', ca: setup.caPem, timeoutMs: 5000, ...place });
  }, 60_000);

  afterAll(async () => {
    await census?.close();
    await server?.stop();
  });

  it('finds nothing in a collection that is not there', async () => {
    expect(await census.count('kid', [OLD])).toEqual({ byValue: new Map(), others: 0, without: 0 });
  });

  it('counts every record once, whatever stands in the field, also in nested documents', async () => {
    const kids = [
      ...Array.from({ length: 700 }, () => OLD),
      ...Array.from({ length: 3 }, () => NEW),
      ...['z'.repeat(16), '', null, 7, true, [OLD], { kid: OLD }, new Date()],
    ];
    const unmanagedObjects = Array.from({ length: 300 }, (_, i) => ({ auth: { kid: `other-${i}` } }));
    const without = [{}, { auth: {} }, { auth: 'text' }, { kid: OLD }];
    const users = server.client.db('hubbledb').collection('users');
    await users.insertMany([...kids.map((kid) => ({ auth: { kid } })), ...unmanagedObjects, ...without]);
    expect(await census.count('auth.kid', [OLD, NEW])).toEqual({
      byValue: new Map([
        [OLD, 700],
        [NEW, 3],
      ]),
      others: 302,
      without: 10,
    });
  });
});

describe('a census', () => {
  const open = async (answer: object | undefined, hello: object = {}, query = '') => {
    const server = await startFakeMongodb(
      (command) => ('authenticate' in command ? { dbname: '$external', user: 'CN=me' } : answer),
      hello,
    );
    const uri = `${server.uri}?authMechanism=MONGODB-X509&authSource=%24external${query}`;
    const login = { username: 'hubble', password: 'not-to-be-seen' };
    const place = { database: 'd', collection: 'users' };
    const census = await openMongodbCensus({ uri, login, ca: server.caPem, timeoutMs: 1500, ...place });
    return {
      server,
      census,
      end: async () => {
        await census.close();
        await server.stop();
      },
    };
  };

  it('reads with majority concern, all in one pass, and writes nothing', async () => {
    const firstBatch = [
      { _id: OLD, count: Long.fromNumber(5_000_000_000) },
      { _id: null, count: 2 },
    ];
    const { server, census, end } = await open({ cursor: { id: Long.ZERO, ns: 'd.users', firstBatch } });
    expect(await census.count('auth.kid', [OLD])).toEqual({
      byValue: new Map([[OLD, 5_000_000_000]]),
      others: 0,
      without: 2,
    });
    const asked = server.commands.filter((command) => !('authenticate' in command));
    expect(asked).toMatchObject([
      {
        aggregate: 'users',
        $db: 'd',
        readConcern: { level: 'majority' },
        pipeline: [{ $group: { _id: '$auth.kid' } }],
      },
    ]);
    await end();
  });

  it('counts by majority on a primary, whatever the connection string says', async () => {
    const empty = { cursor: { id: Long.ZERO, ns: 'd.users', firstBatch: [] } };
    const { server, census, end } = await open(empty, {}, '&readConcernLevel=available');
    await census.count('kid', [OLD]);
    expect(server.commands.at(-1)).toMatchObject({ aggregate: 'users', readConcern: { level: 'majority' } });
    await end();
    const hello = { isWritablePrimary: false, secondary: true, setName: 'rs', hosts: ['a:1', 'b:2'], setVersion: 1 };
    await expect(open(empty, hello, '&directConnection=true')).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });

  it('counts text that is not UTF-8 as an unknown salt, and what is no string as none', async () => {
    const firstBatch = [OLD, BROKEN, new BSONRegExp('(?i)a', '')].map((_id) => ({ _id, count: 2 }));
    const { census, end } = await open(withBrokenText({ ok: 1, cursor: { id: Long.ZERO, ns: 'd.users', firstBatch } }));
    expect(await census.count('kid', [OLD, NEW])).toEqual({ byValue: new Map([[OLD, 2]]), others: 2, without: 2 });
    await end();
  });

  it('does not count where another primary is elected meanwhile', async () => {
    const empty = { cursor: { id: Long.ZERO, ns: 'd.users', firstBatch: [] } };
    let [term, changes] = [0, false];
    const hello = () => {
      if (changes) term += 1;
      const electionId = new ObjectId(String(term).padStart(24, '0'));
      return { setName: 'rs', me: 'a:1', hosts: ['a:1'], setVersion: 1, electionId };
    };
    const { census, end } = await open(empty, hello, '&directConnection=true&serverMonitoringMode=poll');
    expect(await census.count('kid', [OLD])).toMatchObject({ others: 0 });
    changes = true;
    await expect(census.count('kid', [OLD])).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      message: expect.stringContaining('another primary was elected'),
    });
    await end();
  });

  it.each([
    ['a user who may not read it', { ok: 0, code: 13, errmsg: 'not-to-be-seen' }, 'DATABASE_DENIED'],
    ['a connection that breaks off', undefined, 'DATABASE_UNAVAILABLE'],
    ['a server that gives up', { ok: 0, code: 292, errmsg: 'not-to-be-seen' }, 'DATABASE_UNAVAILABLE'],
  ])('says in our words what %s means', async (_, answer, code) => {
    const { census, end } = await open(answer);
    const error = await census.count('kid', [OLD]).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code, message: expect.stringContaining('d.users') });
    expect(`${error} ${JSON.stringify(error)}`).not.toContain('not-to-be-seen');
    await end();
  });
});
