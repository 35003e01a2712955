// Covers: src/cli/prompts/passphrase.ts

import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { copyOf, fileWith, fingerprintOf, newPath, PROGRAM, run } from '../../support/program.ts';
import { backUp, type KeyPair, keyPair, withPassphrase } from './backups.ts';
import { install, LEDGER, PLATFORM, pathOf, verifyInstallation } from './store.ts';
import { haveTools } from './tools.ts';

const ENTER = '\\r';
const CTRL_C = '\\003';
const PASSPHRASE = 'kelp-otter-mango';

/** A person at a terminal: runs the program under expect(1), which answers as the dialogue says. */
async function session(
  args: readonly string[],
  dialogue: readonly (readonly [until: string, typed: string])[],
  seconds = 30,
): Promise<{ readonly code: number | null; readonly screen: string }> {
  const script = fileWith(
    [
      `set timeout ${seconds}`,
      'log_user 1',
      `spawn -noecho ${[...PROGRAM, ...args].map((word) => `{${word}}`).join(' ')}`,
      'stty columns 80 rows 40 < $spawn_out(slave,name)',
      ...dialogue.flatMap(([until, typed]) => [
        `expect {\n  -ex {${until}} {}\n  timeout { puts "\\nTIMEOUT waiting for ${until}"; exec kill -9 [exp_pid]; exit 97 }\n  eof { puts "\\nEND before ${until}"; exit 98 }\n}`,
        'after 60',
        `send -- "${typed}"`,
      ]),
      // expect waits for its program even where it gives up.
      'expect {\n  eof {}\n  timeout { puts "\\nTIMEOUT at the end"; exec kill -9 [exp_pid]; exit 99 }\n}',
      'exit [lindex [wait] 3]',
    ].join('\n'),
    'session.exp',
  );
  const { code, stdout } = await run([script], { env: { TERM: 'xterm-256color' }, program: ['expect'] });
  return { code, screen: stdout };
}

const NEW = 'Passphrase for the backup';
const AGAIN = 'The same again';
const OLD = 'Passphrase of the backup';

describe.skipIf(!haveTools('expect'))('at a terminal', { timeout: 60_000 }, () => {
  let keys = '';
  let pair: KeyPair;
  let backup = '';
  let protectedFile = '';

  beforeAll(async () => {
    [keys, pair] = await Promise.all([install(), keyPair()]);
    backup = await backUp(copyOf(keys), pair);
    protectedFile = newPath('b.age');
    writeFileSync(protectedFile, await withPassphrase(backup, pair, PASSPHRASE));
  });

  it('backup asks for a passphrase, twice, not for a short one, and shows none', async () => {
    const file = newPath('asked.age');
    const { code, screen } = await session(
      ['backup', '--dir', copyOf(keys), '--out', file],
      [
        [NEW, `short${ENTER}`],
        ['at least 12 characters, better', `\\025${PASSPHRASE}${ENTER}`],
        [AGAIN, `another-otter${ENTER}`],
        ['it is not the same', `\\025${PASSPHRASE}${ENTER}`],
      ],
    );
    expect(code, screen).toBe(0);
    expect(screen).not.toMatch(/otter|kelp|short/);
    const opened = await run([
      'restore',
      file,
      '--dir',
      newPath(),
      '--verify',
      '--passphrase-file',
      fileWith(PASSPHRASE, 'pass'),
    ]);
    expect(opened.code, opened.stderr).toBe(0);
  });

  it('restore asks for the passphrase, and shows it not', async () => {
    const folder = newPath();
    const { code, screen } = await session(
      ['restore', protectedFile, '--dir', folder, '--verify'],
      [[OLD, `${PASSPHRASE}${ENTER}`]],
    );
    expect(code, screen).toBe(0);
    expect(screen).not.toMatch(/otter|kelp/);
    expect(existsSync(folder)).toBe(false);
  });

  it('restore with a wrong passphrase ends with exit code 4', async () => {
    const { code, screen } = await session(
      ['restore', protectedFile, '--dir', newPath()],
      [[OLD, `wrong-horse${ENTER}`]],
    );
    expect(code, screen).toBe(4);
    expect(screen).not.toContain('horse');
  });

  it.each([
    ['the first passphrase', [[NEW, CTRL_C]] as const],
    [
      'the second passphrase',
      [
        [NEW, `${PASSPHRASE}${ENTER}`],
        [AGAIN, CTRL_C],
      ] as const,
    ],
  ])('Ctrl-C at %s: exit code 130, and nothing is written', async (_, dialogue) => {
    const file = newPath('asked.age');
    const before = fingerprintOf(keys, { times: true });
    const { code, screen } = await session(['backup', '--dir', keys, '--out', file], dialogue);
    expect(code, screen).toBe(130);
    expect(readdirSync(path.dirname(file))).toEqual([]);
    expect(fingerprintOf(keys, { times: true })).toEqual(before);
  });

  it('a backup is not written to the screen: exit code 2, and nothing is noted', async () => {
    const before = fingerprintOf(keys, { times: true });
    const { code, screen } = await session(['backup', '--dir', keys, '--out', '-', '--recipient', pair.recipient], []);
    expect(code, screen).toBe(2);
    expect(screen).toContain('not written to a terminal');
    expect(screen).not.toContain('age-encryption.org');
    expect(fingerprintOf(keys, { times: true })).toEqual(before);
  });

  it('nothing is asked with --yes: what is missing is a usage error', async () => {
    expect((await session(['backup', '--dir', keys, '--out', newPath('b.age'), '--yes'], [])).code).toBe(2);
    expect((await session(['restore', protectedFile, '--dir', newPath(), '--yes'], [])).code).toBe(2);
  });

  describe('a restore', () => {
    const QUESTION = 'bring 9 keys back';

    it('shows what it would do, and asks; yes does it', async () => {
      const folder = newPath();
      const args = ['restore', backup, '--dir', folder, '--identity', pair.identity];
      const { code, screen } = await session(args, [[QUESTION, `y${ENTER}`]]);
      expect(code, screen).toBe(0);
      expect(screen).toContain('new objects');
      expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
    });

    it.each([
      ['no', `n${ENTER}`, 1],
      ['Enter, which is no', ENTER, 1],
      ['Ctrl-C', CTRL_C, 130],
    ])('%s writes nothing', async (_, typed, exit) => {
      const folder = newPath();
      const args = ['restore', backup, '--dir', folder, '--identity', pair.identity];
      const { code, screen } = await session(args, [[QUESTION, typed]]);
      expect(code, screen).toBe(exit);
      expect(existsSync(folder)).toBe(false);
    });

    it('says how many existing objects it would write anew', async () => {
      const folder = copyOf(keys);
      rmSync(pathOf(folder, `Secret/${LEDGER}/palette-key-root-key-v1`));
      writeFileSync(pathOf(folder, `Secret/${PLATFORM}/palette-root-key`), 'torn');
      const args = ['restore', backup, '--dir', folder, '--identity', pair.identity];
      const { code, screen } = await session(args, [['bring 1 keys back, write 1 existing object anew', `y${ENTER}`]]);
      expect(code, screen).toBe(0);
      expect((await verifyInstallation(folder)).stdout).toBe('everything fits\n');
    });

    it('with nothing to do asks nothing', async () => {
      const args = ['restore', backup, '--dir', copyOf(keys), '--identity', pair.identity];
      const { code, screen } = await session(args, [], 10);
      expect(code, screen).toBe(0);
      expect(screen).not.toContain('?');
    });
  });
});
