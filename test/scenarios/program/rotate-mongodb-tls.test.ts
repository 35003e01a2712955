// Covers: src/rotation/perform/reload-members.ts

/** `palette-keys rotate mongodb-tls` with an administrator: members load the new certificate while they run. By a fake. */
import { connect } from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FakeDatabase } from '../../support/mongodb/fake-database.ts';
import { fileWith, type Outcome, run } from '../../support/program.ts';
import { entryOf, install, PLATFORM } from './store.ts';

let folder: string;
let database: FakeDatabase;

const stored = (name: string): string => entryOf(folder, `Secret/${PLATFORM}/palette-mongodb-tls`, name);
const files = () => ({ certPem: stored('tls.crt'), keyPem: stored('tls.key') });

beforeEach(async () => {
  folder = await install();
  database = await new FakeDatabase().start(2, { ...files(), caPem: stored('ca.crt') });
  database.users.set('root', { password: 'root', roles: [{ role: 'hostManager', db: 'admin' }] });
});

afterEach(() => database.stop());

function rotate(...args: readonly string[]): Promise<Outcome> {
  const admin = fileWith(database.uri('root'), 'admin.txt');
  return run(['rotate', 'mongodb-tls', '--dir', folder, '--yes', '--mongodb-admin-uri-file', admin, ...args]);
}

/** Serial number of what a member serves. */
function servedBy(member: number): Promise<string> {
  const [host = '', port = ''] = database.host(member).split(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), ca: stored('ca.crt') }, () => {
      resolve(socket.getPeerX509Certificate()?.toString() ?? '');
      socket.destroy();
    }).on('error', reject);
  });
}

const leaf = (): string => stored('tls.crt').replace(/(-----END CERTIFICATE-----\n)[\s\S]*/, '$1');

it('has every member load the new certificate, and looks whether it serves it', async () => {
  const before = leaf();
  database.files = files;
  expect(await rotate('--again')).toMatchObject({ code: 0, stderr: expect.stringContaining('every member') });
  expect(leaf()).not.toBe(before);
  for (const member of [0, 1]) expect(await servedBy(member)).toBe(leaf());
  const asked = database.asked('rotateCertificates').length;
  expect(await rotate()).toMatchObject({ code: 0 });
  expect(database.asked('rotateCertificates')).toHaveLength(asked);
});

it('waits (6) while the files of members are the old ones, and issues nothing twice', async () => {
  const old = files();
  database.files = () => old;
  const { code, stderr } = await rotate('--again');
  expect([code, stderr]).toEqual([6, expect.stringContaining('still serve the old certificate')]);
  expect(stderr).toContain(`- ${database.host(1)}`);
  let looks = 0;
  // The kubelet comes by between two looks of --wait.
  database.files = () => (++looks > 2 ? files() : old);
  const waited = await rotate('--wait', '--again');
  expect([waited.code, waited.stderr.match(/issue the certificate/g)?.length]).toEqual([0, 1]);
  for (const member of [0, 1]) expect(await servedBy(member)).toBe(leaf());
}, 90_000);

it('says that members have to be restarted which cannot do it', async () => {
  const { code, stderr } = await rotate('--again');
  expect([code, stderr]).toEqual([0, expect.stringMatching(/cannot load it while they run: \S+, \S+\n[\s\S]*restart/)]);
});
