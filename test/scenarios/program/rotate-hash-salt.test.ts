/** `palette-keys rotate hash-salt` with the platform's users in a server of MongoDB's protocol. */
import type { Collection } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { haveMongodbOrSkip, type MongodbServer, startMongodb } from '../../support/mongodb/server.ts';
import { fileWith, type Outcome, run } from '../../support/program.ts';
import { entryOf, install, PLATFORM, readObject, readRecord, SMALL } from './store.ts';
import { wordFor } from './vouched.ts';

const USERS = 30;
const CENSUS = { hashSalt: { census: { collection: 'users', kidField: 'login.saltKid' } } };
const SALT = `Secret/${PLATFORM}/palette-hash-salt`;

describe.skipIf(!haveMongodbOrSkip())('rotate hash-salt', { timeout: 60_000 }, () => {
  let keys: string;
  let server: MongodbServer;
  let users: Collection;
  let uriFile: string;

  beforeAll(async () => {
    keys = await install({ ...SMALL, ...CENSUS });
    const tls = (name: string) => entryOf(keys, `Secret/${PLATFORM}/palette-mongodb-tls`, name);
    const password = entryOf(keys, `Secret/${PLATFORM}/palette-mongodb-auth`, 'password');
    server = await startMongodb({
      ...{ certPem: tls('tls.crt'), keyPem: tls('tls.key'), caPem: tls('ca.crt') },
      password,
    });
    uriFile = fileWith(server.uri, 'uri.txt');
    users = server.client.db('hubbledb').collection('users');
    const saltKid = entryOf(keys, SALT, 'kid');
    await users.insertMany(Array.from({ length: USERS }, (_, i) => ({ name: `user-${i}`, login: { saltKid } })));
  }, 60_000);

  afterAll(() => server?.stop());

  const rotate = (args: readonly string[], at: readonly string[] = ['--mongodb-uri-file', uriFile]): Promise<Outcome> =>
    run(['rotate', 'hash-salt', '--dir', keys, '--request-timeout', '5s', ...at, ...args]);

  const versions = () => readRecord(keys).keys['hash-salt']?.versions ?? [];
  const states = () => versions().map(({ n, state }) => `v${n} ${state}`);

  /** The platform at a login: the record names the salt that is active now. */
  const login = async (count: number): Promise<void> => {
    const [v1, v2] = versions().map(({ kid }) => kid);
    const old = await users.find({ 'login.saltKid': v1 }).limit(count).toArray();
    for (const { _id } of old) await users.updateOne({ _id }, { $set: { login: { saltKid: v2 } } });
  };

  it('says in the plan how many records need the salt', async () => {
    const { code, stdout } = await rotate(['--plan', '-o', 'json']);
    expect([code, JSON.parse(stdout).steps.at(-1)]).toMatchObject([
      0,
      {
        action: 'retire v1',
        condition: expect.stringContaining(`now ${USERS} of ${USERS} records in MongoDB at localhost`),
      },
    ]);
  });

  it('ends with 0 while records need the old salt, which stays in the keyring, and says how many', async () => {
    expect((await rotate(['--yes', '--again'])).code).toBe(6);
    expect((await rotate(['--yes', wordFor(keys)])).code).toBe(6);
    const { code, stdout, stderr } = await rotate(['--yes', wordFor(keys), '-o', 'json']);
    expect([code, stderr]).toEqual([0, expect.stringContaining(`${USERS} of ${USERS} records`)]);
    expect(JSON.parse(stdout)).toMatchObject({
      done: true,
      notes: expect.arrayContaining([
        expect.stringMatching(/v1 stays trusted: .*each is hashed anew at the next login; --accept-resets 30/),
      ]),
    });
    expect(JSON.parse(stdout)).not.toHaveProperty('waitingFor');
    expect([states(), JSON.parse(entryOf(keys, SALT, 'keyring.json')).keys]).toEqual([
      ['v1 trusted', 'v2 active'],
      [{}, {}].map(() => expect.anything()),
    ]);
  });

  it('is refused (5) at any other count than the one there is, which it names', async () => {
    await login(9);
    const before = readObject(keys, SALT);
    for (const wrong of [0, 20, 22, USERS]) {
      const { code, stderr } = await rotate(['--yes', '--accept-resets', String(wrong)]);
      expect([code, stderr]).toEqual([5, expect.stringContaining('--accept-resets 21')]);
    }
    expect([readObject(keys, SALT), states()]).toEqual([before, ['v1 trusted', 'v2 active']]);
  });

  it.each<[string, number, RegExp, () => readonly string[]]>([
    ['the wrong password', 1, /does not accept the login/, () => [`mongodb://hubble:wrong@localhost:${server.port}/`]],
    ['nobody who listens', 1, /cannot be reached, or went away/, () => ['mongodb://localhost:1/']],
    ['no database', 5, /no database is named/, () => []],
  ])('retires nothing with %s, and says so', async (_, exit, what, uri) => {
    const at = uri().flatMap((each) => ['--mongodb-uri-file', fileWith(each, 'uri.txt')]);
    const { code, stderr } = await rotate(['--yes', '--accept-resets', '21'], at);
    expect([code, stderr]).toEqual([exit, expect.stringMatching(what)]);
    const explained = await rotate(['--explain'], at);
    expect([explained.code, explained.stderr]).toEqual([0, expect.stringMatching(what)]);
    expect(states()).toEqual(['v1 trusted', 'v2 active']);
  });

  it('retires nothing while one record does not say which salt it needs', async () => {
    const { insertedId } = await users.insertOne({ name: 'nobody', login: {} });
    const { code, stderr } = await rotate(['--yes', '--accept-resets', '21']);
    expect([code, stderr]).toEqual([5, expect.stringContaining('1 name no salt')]);
    await users.deleteOne({ _id: insertedId });
  });

  it('takes the old salt out of the keyring at the accepted count, and changes no record', async () => {
    const before = await users.find().toArray();
    const { code, stdout } = await rotate(['--yes', '--accept-resets', '21']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('v1 is retired')]);
    const { keys: kept, active } = JSON.parse(entryOf(keys, SALT, 'keyring.json'));
    expect(kept.map(({ kid }: { kid: string }) => kid)).toEqual([active]);
    expect([states(), await users.find().toArray()]).toEqual([['v1 retired', 'v2 active'], before]);
    expect((await rotate(['--yes', '--accept-resets', '21'])).code).toBe(0);
  });

  it('brings it back, and retires it once nobody needs it any more', async () => {
    const kid = versions()[0]?.kid ?? '';
    expect((await rotate(['--yes', '--reinstate', kid])).code).toBe(0);
    const waiting = await rotate(['--yes', '--retire', kid]);
    expect([waiting.code, waiting.stderr]).toEqual([6, expect.stringContaining('21 of 30 records')]);
    await login(USERS);
    expect((await rotate(['--yes', '--retire', kid])).code).toBe(0);
    expect(states()).toEqual(['v1 retired', 'v2 active']);
  });
});
