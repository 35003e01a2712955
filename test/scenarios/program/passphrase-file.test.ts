// Covers: src/cli/passphrase-file.ts, src/cli/secrets.ts

import { chmodSync, cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { fileWith, newFolder, newPath, run } from '../../support/program.ts';
import { FQDN, Pki } from './import-bed.ts';
import { install } from './store.ts';
import { haveTools } from './tools.ts';
import { startWarm } from './warm.ts';

const FIXTURES = path.join(import.meta.dirname, '../../fixtures/installations/0.1.0');
const LINE = 'correct horse battery staple';

const warm = startWarm();
const pki = new Pki();
let store = '';
beforeAll(async () => {
  store = await install();
}, 60_000);

const GOOD: readonly (readonly [string, string])[] = [
  ['a line', `${LINE}\n`],
  ['a line without its end', LINE],
  ['a line as Windows ends it', `${LINE}\r\n`],
  ['a BOM and a line', `\uFEFF${LINE}\r\n`],
];

const BAD: readonly (readonly [string, string | Buffer, RegExp])[] = [
  ['nothing', '', /holds no passphrase/],
  ['a BOM alone', '\uFEFF\n', /holds no passphrase/],
  ['an empty line', '\n', /holds no passphrase/],
  ['two lines', `${LINE}\nsecond\n`, /more than one line/],
  ['a blank line after it', `${LINE}\n\n`, /more than one line/],
  ['a blank line before it', `\n${LINE}\n`, /more than one line/],
  ['a CR in the middle', 'correct\rhorse battery\n', /more than one line/],
  ['a CR at its end', `${LINE}\r`, /more than one line/],
  ['a control character', 'correct\0horse battery\n', /control character/],
  ['what is not UTF-8', Buffer.from([0x70, 0xff, 0xfe, 0x0a]), /not UTF-8/],
];

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ');

describe('a passphrase file', () => {
  it.each(BAD)(
    'with %s is refused by backup and by import-cert (2), and nothing is written',
    async (_, content, why) => {
      const [file, out] = [fileWith('', 'p'), newPath('b.age')];
      writeFileSync(file, content);
      for (const args of [
        ['backup', '--dir', store, '--out', out, '--passphrase-file', file],
        ['import-cert', ...pki.flags(), '--verify-only', '--fqdn', FQDN, '--passphrase-file', file],
      ]) {
        const { code, stderr } = await warm.run(args);
        expect(code, stderr).toBe(2);
        expect(oneLine(stderr)).toMatch(why);
        expect(stderr).not.toMatch(/WRONG_PASSPHRASE|horse/);
      }
      expect(readdirSync(path.dirname(out))).toEqual([]);
    },
  );

  it.skipIf(!haveTools('age', 'expect')).each(GOOD)(
    'with %s makes a backup that age opens by the line alone',
    async (_, content) => {
      const out = newPath('b.age');
      const made = await warm.run([
        'backup',
        '--dir',
        store,
        '--out',
        out,
        '--passphrase-file',
        fileWith(content, 'p'),
      ]);
      expect([made.code, made.stderr]).toEqual([0, expect.not.stringContaining('warning')]);
      const script = `set timeout 30; log_user 0; spawn age -d -o ${out}.json ${out}; expect "passphrase"; send "${LINE}\\r"; expect eof; catch wait r; exit [lindex $r 3]`;
      const opened = await run(['-c', script], { program: ['expect'] });
      expect(opened.code, opened.stdout).toBe(0);
      expect(JSON.parse(readFileSync(`${out}.json`, 'utf8'))).toMatchObject({ kind: 'List' });
    },
  );

  it('with a shorter passphrase than a terminal takes is a warning', async () => {
    const out = newPath('b.age');
    const { code, stderr } = await warm.run([
      'backup',
      '--dir',
      store,
      '--out',
      out,
      '--passphrase-file',
      fileWith('short\n', 'p'),
    ]);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/warning: .*fewer than 12 characters/);
    expect(stderr).not.toContain('short\n');
  });

  it('opens with restore what 0.1.0 made with all of it, and asks for a new backup', async () => {
    const [backup, file] = ['backup-passphrase-odd.age', 'passphrase-odd.txt'].map((name) => path.join(FIXTURES, name));
    const to = newPath();
    const { code, stderr } = await run([
      'restore',
      backup ?? '',
      '--passphrase-file',
      file ?? '',
      '--dir',
      to,
      '--yes',
    ]);
    expect(code, stderr).toBe(0);
    expect(oneLine(stderr)).toMatch(/warning: palette-keys 0\.1\.0 took more .*than one line.* make a new backup/);
    expect(stderr).toMatch(new RegExp(`^  palette-keys backup --dir ${to} --out \\S+ --passphrase-file \\S+$`, 'm'));
  });

  it('opens with restore by its line, whether or not it has a BOM, and says nothing more', async () => {
    const backup = path.join(FIXTURES, 'backup-passphrase.age');
    const line = readFileSync(path.join(FIXTURES, 'passphrase.txt'), 'utf8');
    for (const content of [line, `\uFEFF${line.trimEnd()}\r\n`]) {
      const file = fileWith(content, 'p');
      const { code, stderr } = await run([
        'restore',
        backup,
        '--passphrase-file',
        file,
        '--dir',
        newPath(),
        '--verify',
      ]);
      expect([code, stderr]).toEqual([0, expect.not.stringContaining('0.1.0 took')]);
    }
  });

  it('of several lines that 0.1.0 made nothing with is refused by restore (2), a wrong line is (4)', async () => {
    const backup = path.join(FIXTURES, 'backup-passphrase.age');
    const to = newFolder();
    cpSync(backup, path.join(to, 'b.age'));
    chmodSync(path.join(to, 'b.age'), 0o600);
    for (const [content, exit, why] of [
      ['a\nb\n', 2, /more than one line/],
      ['another line\n', 4, /is not the one that opens it/],
    ] as const) {
      const args = [
        'restore',
        path.join(to, 'b.age'),
        '--passphrase-file',
        fileWith(content, 'p'),
        '--dir',
        path.join(to, 'keys'),
      ];
      const { code, stderr } = await run(args);
      expect(code, stderr).toBe(exit);
      expect(oneLine(stderr)).toMatch(why);
    }
    expect(readdirSync(to)).toEqual(['b.age']);
  });
});
