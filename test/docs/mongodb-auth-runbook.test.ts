/** The way by hand of docs/runbooks/rotate-mongodb-auth.md, on FerretDB. What it does in mongosh, a driver does here. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entryOf, install, LEDGER, PLATFORM, readRecord } from '../scenarios/program/store.ts';
import { haveMongodbOrSkip, type MongodbServer, startMongodb } from '../support/mongodb/server.ts';
import { newFolder } from '../support/program.ts';
import { FOLDER, shell } from './follow.ts';

const page = readFileSync(path.join(FOLDER, 'rotate-mongodb-auth.md'), 'utf8');
const [, section = ''] = /\n## By hand\n([\s\S]*?)\n## /.exec(page) ?? [];
const blocks = [...section.matchAll(/```(sh|console|js)\n([\s\S]*?)```/g)].map(([, kind = '', text = '']) => ({
  kind,
  text,
}));

describe.skipIf(!haveMongodbOrSkip())('the way by hand', { timeout: 60_000 }, () => {
  const cwd = newFolder();
  const keys = path.join(cwd, 'keys');
  let server: MongodbServer;
  let admin: MongoClient;

  beforeAll(async () => {
    renameSync(await install(), keys);
    const tls = (name: string) => entryOf(keys, `Secret/${PLATFORM}/palette-mongodb-tls`, name);
    const password = entryOf(keys, `Secret/${PLATFORM}/palette-mongodb-auth`, 'password');
    const [certPem, keyPem, caPem] = [tls('tls.crt'), tls('tls.key'), tls('ca.crt')];
    server = await startMongodb({ certPem, keyPem, caPem, password });
    await server.client.db('admin').command({ createUser: 'root', pwd: 'root', roles: [] });
    admin = new MongoClient(`mongodb://root:root@localhost:${server.port}/?authSource=admin`, { tls: true, ca: caPem });
    writeFileSync(path.join(cwd, 'uri.txt'), server.uri);
  }, 60_000);

  afterAll(async () => {
    await admin?.close();
    await server?.stop();
  });

  /** As an administrator does it who has read the page. */
  async function manage(js: string): Promise<void> {
    const [, made] = /createUser\(\{ user: '([^']+)'/.exec(js) ?? [];
    const [, dropped] = /dropUser\('([^']+)'\)/.exec(js) ?? [];
    const pwd = entryOf(keys, `Secret/${LEDGER}/palette-key-mongodb-auth-v2`, 'password');
    await admin.db('admin').command(made === undefined ? { dropUser: dropped } : { createUser: made, pwd, roles: [] });
  }

  it('is what the page says, from the first command to the last', async () => {
    expect(blocks.map(({ kind }) => kind)).toEqual([
      ...['sh', 'console', 'console', 'js'],
      ...['console', 'console', 'js', 'console'],
    ]);
    const sh = shell(cwd);
    for (const [index, { kind, text: written }] of blocks.entries()) {
      // The keys of the page are not of today: its first command that may opens the rotation.
      const text = index < 2 ? written.replace('--yes', '--yes --again') : written;
      if (kind === 'js') await manage(text);
      else if (kind === 'sh') sh(text);
      else {
        const [command = '', ...shown] = text.trimEnd().split('\n');
        const said = sh(`${command.replace('$ ', '')} || test $? -eq 6`);
        for (const line of shown) expect(said).toContain(`${line}\n`);
      }
    }
    const versions = readRecord(keys).keys['mongodb-auth']?.versions ?? [];
    expect(versions.map(({ state }) => state)).toEqual(['retired', 'active']);
  });
});
