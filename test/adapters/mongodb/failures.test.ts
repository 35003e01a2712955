// Covers: src/adapters/mongodb/connect.ts, src/adapters/mongodb/explain.ts, src/adapters/mongodb/primary.ts
// Covers: src/adapters/mongodb/srv.ts

/** What the adapter asks for, and what it says where the server refuses, by a server that speaks the protocol alone. */
import { createSocket } from 'node:dgram';
import { getServers, setServers } from 'node:dns';
import { BSONRegExp, Long, ObjectId } from 'mongodb';
import { afterEach, describe, expect, it } from 'vitest';
import { openMongodbTenantStore } from '../../../src/adapters/mongodb/tenant-store.ts';
import { PaletteKeysError } from '../../../src/errors.ts';
import { DAMAGE, type FoundTenant, type TenantStore } from '../../../src/ports/tenant-store.ts';
import { BROKEN, withBrokenText } from '../../support/mongodb/broken-text.ts';
import { type Command, type FakeMongodb, SILENCE, startFakeMongodb } from '../../support/mongodb/fake-server.ts';
import { tenantOf } from '../../support/tenant-store-contract.ts';

let server: FakeMongodb | undefined;
let store: TenantStore | undefined;

afterEach(async () => {
  await store?.close();
  await server?.stop();
});

/** The fake has no logins: an x509 one goes by the certificate of the connection, which it takes as it is. */
const SECRET = 'not-to-be-seen';

async function open(
  answer: (command: Command) => object | undefined,
  hello: object = {},
  query = '',
  withinMs?: number,
): Promise<TenantStore> {
  server = await startFakeMongodb(
    (command) => ('authenticate' in command ? { dbname: '$external', user: 'CN=me' } : answer(command)),
    hello,
  );
  const uri = `${server.uri}?authMechanism=MONGODB-X509&authSource=%24external${query}`;
  store = await openMongodbTenantStore({
    uri,
    login: { username: 'hubble', password: SECRET },
    ca: server.caPem,
    timeoutMs: withinMs === undefined ? 1500 : 60_000,
    ...(withinMs === undefined ? {} : { withinMs }),
    database: 'd',
    collection: 'c',
  });
  return store;
}

const failed = (code: number, errmsg: string) => ({ ok: 0, code, errmsg: `${errmsg} ${SECRET}` });
const change = { id: 'a', before: tenantOf('a').wrapped, after: tenantOf('a', 'kid-2').wrapped, at: new Date() };

async function failureOf(work: Promise<unknown>): Promise<PaletteKeysError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof PaletteKeysError)) throw new Error('no failure in our words', { cause: error });
  expect(`${error.message} ${error.hint} ${JSON.stringify(error.details)} ${error.cause}`).not.toContain(SECRET);
  return error;
}

describe('the adapter', () => {
  it.each(['', '&readConcernLevel=local&readPreference=secondary&w=1&journal=false&wtimeoutMS=1'])(
    'reads and writes with majority concern, unordered, by compare-and-swap, also where its connection string has "%s"',
    async (query) => {
      const opened = await open(
        (command) => {
          if ('find' in command || 'aggregate' in command)
            return { cursor: { id: Long.ZERO, ns: 'd.c', firstBatch: [] } };
          return { n: 1, nModified: 1 };
        },
        {},
        query,
      );
      for await (const _ of opened.scan(['kid-1'])) expect.unreachable();
      await opened.countByKid();
      await opened.replace([change]);
      await opened.remove([tenantOf('a')]);
      await opened.add([tenantOf('b')]);
      const named = (name: string) => server?.commands.find((command) => name in command);
      for (const read of ['find', 'aggregate']) {
        expect(named(read)).toMatchObject({ readConcern: { level: 'majority' } });
        const preference: unknown = named(read)?.['$readPreference'] ?? { mode: 'primary' };
        expect(preference).toEqual({ mode: 'primary' });
      }
      for (const write of ['update', 'delete', 'insert']) {
        expect(named(write)).toMatchObject({ ordered: false });
        expect(named(write)?.['writeConcern']).toEqual({ w: 'majority' });
      }
      const guarded = { _id: 'a', 'wrapped.kid': 'kid-1', 'wrapped.ciphertext': expect.anything() };
      expect(named('update')).toMatchObject({ updates: [{ q: guarded }] });
      expect(named('update')).not.toMatchObject({ updates: [{ upsert: true }] });
      expect(named('delete')).toMatchObject({ deletes: [{ q: guarded, limit: 1 }] });
    },
  );

  it.each([
    [
      'a user who may only read',
      failed(13, 'not authorized on d to execute command'),
      'DATABASE_DENIED',
      /may not do that/,
    ],
    ['a full disk', failed(14_031, 'Out of disk space'), 'DISK_FULL', /disk of the server is full/],
    [
      'a full disk that has no code of its own',
      { ok: 0, code: 1, errmsg: 'write failed: No space left on device' },
      'DISK_FULL',
      /full/,
    ],
    ['a primary that has stepped down', failed(10_107, 'not primary'), 'DATABASE_UNAVAILABLE', /no primary/],
    [
      'a majority that does not confirm',
      { n: 1, nModified: 1, writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' } },
      'DATABASE_UNAVAILABLE',
      /majority/,
    ],
    [
      'a single write that failed',
      { n: 0, nModified: 0, writeErrors: [{ index: 0, code: 14_031, errmsg: `full ${SECRET}` }] },
      'DISK_FULL',
      /full/,
    ],
    ['anything else', failed(4242, 'surprise'), 'DATABASE_UNAVAILABLE', /the server failed \(code 4242\)/],
    ['a connection that is cut', undefined, 'DATABASE_UNAVAILABLE', /went away/],
  ])('says what %s means', async (_, answer, code, words) => {
    const opened = await open(() => answer);
    const error = await failureOf(opened.replace([change]));
    expect([error.code, words.test(error.message)]).toEqual([code, true]);
  });

  it('says that a replica set has no primary', async () => {
    const hello = { isWritablePrimary: false, secondary: true, setName: 'rs', hosts: [] };
    const error = await failureOf(open(() => ({}), hello, '&replicaSet=rs'));
    expect([error.code, error.message]).toEqual(['DATABASE_UNAVAILABLE', expect.stringContaining('no primary')]);
  });

  it('takes no member that may lag behind, which directConnection would', async () => {
    const hello = { isWritablePrimary: false, secondary: true, setName: 'rs', hosts: ['a:1', 'b:2'], setVersion: 1 };
    const error = await failureOf(open(() => ({}), hello, '&directConnection=true'));
    expect([error.code, error.message]).toEqual(['DATABASE_UNAVAILABLE', expect.stringContaining('is no primary')]);
    expect(error.hint).toContain('without directConnection');
  });

  it.each([
    ['tlsCAFile', '/nowhere', 'ENOENT'],
    ['tlsCertificateKeyFile', '/nowhere', 'ENOENT'],
    ['tlsCRLFile', '/nowhere', 'ENOENT'],
    ['tlsCAFile', import.meta.dirname, 'EISDIR'],
  ])('names the option %s whose file %s cannot be read', async (option, file, code) => {
    const error = await failureOf(open(() => ({}), {}, `&${option}=${encodeURIComponent(file)}`));
    const message = `the file of ${option} in the connection string cannot be read (${code})`;
    expect([error.code, error.message]).toEqual(['USAGE', message]);
  });

  it('waits for a name server no longer than it was told to, and asks it nothing after that', async () => {
    const silent = createSocket('udp4');
    await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
    const before = getServers();
    setServers([`127.0.0.1:${silent.address().port}`]);
    try {
      const begun = performance.now();
      const look = openMongodbTenantStore({
        uri: 'mongodb+srv://db.example.test',
        ca: undefined,
        timeoutMs: undefined,
        withinMs: 300,
        database: 'd',
        collection: 'c',
      });
      expect((await failureOf(look)).code).toBe('DATABASE_UNAVAILABLE');
      expect(performance.now() - begun).toBeLessThan(2000);
      expect(process.getActiveResourcesInfo().filter((name) => /QueryReq|DNS|GetAddrInfo/i.test(name))).toEqual([]);
    } finally {
      setServers(before);
      silent.close();
    }
  });

  it('waits for an answer no longer than for everything together', async () => {
    const opened = await open(() => SILENCE, {}, '', 1000);
    const begun = performance.now();
    expect((await failureOf(opened.countByKid())).code).toBe('DATABASE_UNAVAILABLE');
    expect(performance.now() - begun).toBeLessThan(3000);
  });

  it('tells a tenant that is there from one that another unique index does not take', async () => {
    const opened = await open((command) =>
      'insert' in command
        ? { n: 0, writeErrors: [{ index: 0, code: 11_000, errmsg: `dup key: ${SECRET}` }] }
        : { cursor: { id: Long.ZERO, ns: 'd.c', firstBatch: [] } },
    );
    const error = await failureOf(opened.add([tenantOf('a')]));
    expect([error.code, error.message]).toEqual(['DATABASE_UNAVAILABLE', expect.stringContaining('unique index')]);
  });

  it('tells a tenant that is there from other failures of an insertion', async () => {
    const opened = await open((command) =>
      'insert' in command
        ? {
            n: 0,
            writeErrors: [
              { index: 0, code: 11_000, errmsg: 'duplicate key' },
              { index: 1, code: 14_031, errmsg: 'full' },
            ],
          }
        : {},
    );
    expect((await failureOf(opened.add([tenantOf('a'), tenantOf('b')]))).code).toBe('DISK_FULL');
  });

  describe('that reads documents while another primary is elected', () => {
    const [ours, theirs] = [new ObjectId(), new ObjectId()];
    const primary = {
      ...{ setName: 'rs', me: 'a:1', hosts: ['a:1', 'b:2'], setVersion: 1, electionId: ours },
      topologyVersion: { processId: ours, counter: Long.ZERO },
    };
    const batch = (id: Long, name: string, ...ids: readonly string[]) => ({
      cursor: { id, ns: 'd.c', [name]: ids.map((_id) => ({ _id, count: 1 })) },
    });
    let greetings = 0;
    /** Two batches, between which the server becomes another. */
    const openWhere = (after: object): Promise<TenantStore> => {
      let now: object = primary;
      const hello = (): object => {
        greetings += 1;
        return now;
      };
      const answer = (command: Command): object => {
        if (!('getMore' in command)) return batch(Long.ONE, 'firstBatch', 'a');
        now = { ...primary, ...after };
        return batch(Long.ZERO, 'nextBatch', 'b');
      };
      return open(answer, hello, '&directConnection=true&serverMonitoringMode=poll');
    };
    const all = async (batches: AsyncIterable<readonly FoundTenant[]>): Promise<readonly unknown[]> => {
      const found: unknown[] = [];
      for await (const each of batches) found.push(...each.map(({ _id }) => _id));
      return found;
    };

    it.each([
      ['in another election', { electionId: theirs }],
      ['by another configuration', { setVersion: 2 }],
      ['elsewhere', { me: 'b:2' }],
      ['in another process', { topologyVersion: { processId: theirs, counter: Long.ZERO } }],
      ['on a server that takes no writes', { isWritablePrimary: false, secondary: true }],
    ])('fails where it ends %s, whatever it read', async (_, after) => {
      const reads: readonly ((store: TenantStore) => Promise<unknown>)[] = [
        (opened) => all(opened.scan()),
        (opened) => all(opened.scan(['kid-1'])),
        (opened) => all(opened.scanInOrder()),
        (opened) => opened.countByKid(),
      ];
      for (const read of reads) {
        const error = await failureOf(read(await openWhere(after)));
        expect(error).toMatchObject({
          code: 'DATABASE_UNAVAILABLE',
          message: expect.stringContaining('another primary was elected'),
          hint: expect.stringContaining('run the command again'),
        });
        await store?.close();
        await server?.stop();
      }
    });

    it('has read everything where it ends on the one that it began on, which may have said more of itself', async () => {
      const opened = await openWhere({ topologyVersion: { processId: ours, counter: Long.ONE } });
      expect(await all(opened.scan())).toEqual(['a', 'b']);
    });

    it('asks again where the connection breaks off with that question, as other reads do', async () => {
      let cuts = 0;
      const hello = () => (cuts-- > 0 ? undefined : primary);
      const answer = () => batch(Long.ZERO, 'firstBatch', 'a');
      const opened = await open(answer, hello, '&directConnection=true&serverMonitoringMode=poll');
      cuts = 1;
      expect(await all(opened.scan())).toEqual(['a']);
    });

    it('asks two small questions more, and one of who has seen enough', async () => {
      const opened = await openWhere({});
      greetings = 0;
      await all(opened.scan());
      expect(greetings).toBe(2);
      for await (const _ of opened.scan()) break;
      expect(greetings).toBe(3);
    });
  });

  describe('that comes upon text that is not UTF-8', () => {
    const REGEX = new BSONRegExp('(?i)only PCRE takes that', '');
    const reply = (...firstBatch: readonly object[]) =>
      withBrokenText({ ok: 1, cursor: { id: Long.ZERO, ns: 'd.c', firstBatch } });
    const broken = [
      { ...tenantOf(`id ${BROKEN}`) },
      { ...tenantOf('kid'), wrapped: { ...tenantOf('kid').wrapped, kid: BROKEN } },
      { ...tenantOf('more'), more: [{ text: BROKEN }] },
    ];

    it.each(['scan', 'scanInOrder'] as const)(
      'marks each such document as damaged in a %s, and no other',
      async (name) => {
        const opened = await open(() => reply(tenantOf('a'), ...broken, { ...tenantOf('b'), more: REGEX }));
        const found: FoundTenant[] = [];
        for await (const batch of opened[name]()) found.push(...batch);
        expect(found.map((each) => [each['_id'], each[DAMAGE]])).toEqual([
          ['a', undefined],
          ['id \uFFFDbroken)', 'holds text that is not UTF-8'],
          ['kid', 'holds text that is not UTF-8'],
          ['more', 'holds text that is not UTF-8'],
          ['b', undefined],
        ]);
        expect(found[0]).toEqual(tenantOf('a'));
      },
    );

    it('takes it for no kid', async () => {
      const opened = await open(() =>
        reply({ _id: 'kid-1', count: 2 }, { _id: BROKEN, count: 3 }, { _id: REGEX, count: 1 }),
      );
      expect(await opened.countByKid()).toEqual(
        new Map([
          ['kid-1', 2],
          [undefined, 4],
        ] as const),
      );
    });

    it('finds by its id what it is beside, and has no copy that brings it back', async () => {
      const opened = await open(() => reply({ ...tenantOf('more'), more: BROKEN, pattern: REGEX }));
      expect(await opened.get(['more'])).toMatchObject([tenantOf('more')]);
      expect(await opened.copies(['more'])).toMatchObject([{ found: tenantOf('more'), extendedJson: undefined }]);
    });
  });
});
