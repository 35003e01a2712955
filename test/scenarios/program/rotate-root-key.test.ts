/** `palette-keys rotate root-key` with the tenant keys in a server of MongoDB's protocol. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { haveMongodbOrSkip } from '../../support/mongodb/server.ts';
import { fileWith, type Outcome, run } from '../../support/program.ts';
import { entryOf, PLATFORM, readRecord } from './store.ts';
import { startTenantsBed, type TenantsBed } from './tenants-bed.ts';
import { haveTools } from './tools.ts';
import { vouched } from './vouched.ts';

const TENANTS = 50;
const ids = Array.from({ length: TENANTS }, (_, i) => `tenant-${i}`);

describe.skipIf(!haveMongodbOrSkip() || !haveTools('python3'))('rotate root-key', { timeout: 60_000 }, () => {
  let bed: TenantsBed;
  let keys: ReadonlyMap<string, string>;

  beforeAll(async () => {
    bed = await startTenantsBed();
    await bed.tenant(bed.first, ['add', ...ids]);
    keys = await bed.keys();
  }, 60_000);

  afterAll(() => bed?.server.stop());

  const rotate = (...args: readonly string[]): Promise<Outcome> => vouched(bed.first, ['root-key', '--yes', ...args]);

  const statesOf = () => readRecord(bed.first).keys['root-key']?.versions.map(({ n, state }) => `v${n} ${state}`);

  it('is refused (5) while a tenant key does not open, and writes nothing', async () => {
    await bed.tenant(bed.second, ['add', 'of-the-future']);
    const { code, stderr } = await rotate('--again', '--mongodb-uri-file', fileWith(bed.server.uri, 'uri.txt'));
    expect([code, stderr]).toEqual([5, expect.stringContaining('TENANT_KID_UNKNOWN tenant/of-the-future')]);
    expect(statesOf()).toEqual(['v1 active']);
    await bed.tenant(bed.second, ['remove', 'of-the-future', '--no-backup', '--yes']);
  });

  it('promotes, wraps every tenant key anew, and waits for the second scan; no tenant loses its key', async () => {
    const { code, stdout, stderr } = await rotate(
      '--mongodb-uri',
      bed.server.uri,
      '--again',
      '--compromised',
      '-o',
      'json',
    );
    expect([code, stderr]).toEqual([6, expect.stringContaining(`wrap ${TENANTS} tenant keys by v2 of root-key`)]);
    expect(statesOf()).toEqual(['v1 trusted', 'v2 active']);
    const { waitingFor, notes } = JSON.parse(stdout);
    expect(waitingFor).toMatchObject({ reason: expect.stringContaining('second scan'), until: expect.any(String) });
    expect(notes).toContainEqual(expect.stringContaining(`keys of ${TENANTS} tenants`));
    const secret = `Secret/${PLATFORM}/palette-root-key`;
    expect(await bed.counts()).toEqual({ [entryOf(bed.first, secret, 'kid')]: TENANTS });
    expect(await bed.keys(bed.first)).toEqual(keys);
  });

  it('says both ways on where no database is named', async () => {
    const { code, stderr } = await run(['rotate', 'root-key', '--dir', bed.first, '--yes']);
    expect([code, stderr]).toEqual([6, expect.stringMatching(/--mongodb-uri-file[\s\S]*--no-tenant-store/)]);
  });
});
