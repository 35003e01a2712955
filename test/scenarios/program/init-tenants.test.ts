/** `init` and `status` beside a database of another installation, on a server of MongoDB's protocol. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { haveMongodbOrSkip } from '../../support/mongodb/server.ts';
import { copyOf, fileWith, newPath, type Outcome, run } from '../../support/program.ts';
import { codesOf, entryOf, install, PLATFORM, readRecord, SMALL, specFile } from './store.ts';
import { startTenantsBed, type TenantsBed } from './tenants-bed.ts';

describe.skipIf(!haveMongodbOrSkip())('init beside tenant keys', { timeout: 60_000 }, () => {
  let bed: TenantsBed;
  /** Connection strings in files: all that it takes, without the CA, without the login. */
  let whole: string;
  let withoutCa: string;
  let withoutLogin: string;

  beforeAll(async () => {
    bed = await startTenantsBed();
    await bed.tenant(bed.first, ['add', 'acme', 'globex']);
    const secret = (name: string) => entryOf(bed.first, `Secret/${PLATFORM}/palette-mongodb-auth`, name);
    const ca = fileWith(bed.server.setup.caPem, 'ca.crt');
    const at = `localhost:${bed.server.port}/?authSource=admin`;
    const login = `hubble:${encodeURIComponent(secret('password'))}`;
    whole = fileWith(`mongodb://${login}@${at}&tlsCAFile=${ca}`, 'uri.txt');
    withoutCa = fileWith(`mongodb://${login}@${at}`, 'uri.txt');
    withoutLogin = fileWith(`mongodb://${at}&tlsCAFile=${ca}`, 'uri.txt');
  }, 60_000);

  afterAll(() => bed?.server.stop());

  const init = (folder: string, file: string, ...args: readonly string[]): Promise<Outcome> =>
    run(['init', '--dir', folder, '--mongodb-uri-file', file, '--request-timeout', '5s', ...args]);

  it('makes no new root key (5), nor anything else', async () => {
    const folder = newPath();
    const { code, stderr, stdout } = await init(folder, whole, '--config', specFile(), '-o', 'json');
    expect([code, stderr]).toEqual([5, expect.stringContaining('holds 2 tenant keys already')]);
    expect(codesOf(JSON.parse(stdout))).toContain('TENANT_KID_UNKNOWN');
    expect((await run(['status', '--dir', folder])).code).toBe(1);
    expect(stderr + stdout).not.toContain(bed.server.setup.password);
  });

  it('makes one beside a collection of its own', async () => {
    const folder = newPath();
    const spec = specFile({ ...SMALL, mongodb: { collection: 'otherKeys' } });
    expect((await init(folder, whole, '--config', spec)).code).toBe(0);
  });

  it.each([
    ['that nobody vouches for', () => withoutCa, /does not vouch/],
    ['that wants a login', () => withoutLogin, /DATABASE|login|may not/],
    ['that does not answer', () => fileWith('mongodb://localhost:1/', 'uri.txt'), /cannot be reached/],
  ])('ends with 1 at a server %s, and makes nothing', async (_, file, what) => {
    const folder = newPath();
    const { code, stderr } = await init(folder, file(), '--config', specFile());
    expect([code, stderr]).toEqual([1, expect.stringMatching(what)]);
    expect((await run(['status', '--dir', folder])).code).toBe(1);
  });

  it('of an installation that was set back is refused (5), and status calls it an error (3)', async () => {
    const back = copyOf(bed.first);
    await bed.tenant(bed.second, ['add', 'of-the-future']);
    const uri = fileWith(bed.server.uri, 'uri.txt');
    const { code, stderr } = await init(back, uri, '--yes');
    expect([code, stderr]).toEqual([5, expect.stringContaining(`1 tenant keys, wrapped by ${bed.kids().v2}`)]);
    const status = await run(['status', '--dir', back, '--mongodb-uri-file', uri, '-o', 'json']);
    expect([status.code, codesOf(JSON.parse(status.stdout))]).toEqual([
      3,
      expect.arrayContaining(['TENANT_KID_UNKNOWN']),
    ]);
    expect((await init(bed.second, uri)).code).toBe(0);
    await bed.tenant(bed.second, ['remove', 'of-the-future', '--no-backup', '--yes']);
    expect((await init(back, uri)).code).toBe(0);
  });

  it('with a database in the spec that is not there yet neither fails nor takes much longer', async () => {
    const folder = await install({ ...SMALL, mongodb: { uri: 'mongodb://localhost:1' } });
    const { code, ms } = await run(['init', '--dir', folder, '--yes', '--create-namespaces']);
    expect([code, ms < 6000, readRecord(folder).ready]).toEqual([0, true, true]);
    const status = await run(['status', '--dir', folder, '-o', 'json']);
    expect([status.code, codesOf(JSON.parse(status.stdout))]).toEqual([
      0,
      expect.arrayContaining(['TENANT_KEYS_UNSEEN']),
    ]);
  });
});
