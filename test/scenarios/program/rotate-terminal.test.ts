// Covers: src/cli/rotate/prompts.ts

import { beforeAll, describe, expect, it } from 'vitest';
import { copyOf, fingerprintOf, run, start } from '../../support/program.ts';
import { CTRL_C, DOWN, ENTER, session } from './session.ts';
import { AUDIT, entryOf, install, readRecord, SMALL } from './store.ts';
import { haveTools } from './tools.ts';
import { wordFor } from './vouched.ts';

const JWT = 'jwt-signing-key';
const PICK = 'Rotate which key?';
const ROTATE = ['rotate', JWT, '--again'];

const statesIn = (folder: string): readonly string[] =>
  readRecord(folder).keys[JWT]?.versions.map(({ n, state }) => `v${n} ${state}`) ?? [];

describe.concurrent('rotate', { timeout: 60_000 }, () => {
  /** Its verifiers forget in two seconds, and its tokens are as short-lived. */
  let quick = '';
  beforeAll(async () => {
    quick = await install({ ...SMALL, jwt: { longestTokenLife: '2s', jwksCache: '2s', clockSkew: '1s' } });
  });

  it('without a kind and a terminal is a usage error that names the kinds', async () => {
    const { code, stderr } = await run(['rotate', '--dir', quick]);
    expect(code, stderr).toBe(2);
    expect(stderr).toMatch(/root-key.*internal-ca/s);
  });

  it('--wait stays as long as time opens the gate, and ends with 6 where a word is missing', async () => {
    const folder = copyOf(quick);
    const wait = (...args: readonly string[]) => run(['rotate', JWT, '--wait', '--yes', '--dir', folder, ...args]);
    expect((await wait('--again')).code).toBe(6);
    const promoted = await wait(wordFor(folder));
    expect([promoted.code, promoted.stderr]).toEqual([
      6,
      expect.stringMatching(/waiting: jwt-signing-key: verifiers /),
    ]);
    const { code, stdout, stderr } = await wait(wordFor(folder));
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/waiting: jwt-signing-key: tokens of the old key/);
    expect(stdout).toMatch(/v1 +retired.*\n.*v2 +active/);
    expect(statesIn(folder)).toEqual(['v1 retired', 'v2 active']);
    const audit = entryOf(folder, AUDIT, 'audit.jsonl');
    for (const state of ['published', 'active', 'trusted', 'retired']) expect(audit).toContain(`"action":"${state}"`);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
    '--wait ended by %s is completed by the same command',
    async (by) => {
      const folder = copyOf(quick);
      await run([...ROTATE, '--yes', '--dir', folder]);
      const args = ['rotate', JWT, wordFor(folder), '--wait', '--yes', '--dir', folder];
      const running = start(args);
      await new Promise((resolve) =>
        running.child.stderr.on('data', (chunk) => /waiting: jwt/.test(`${chunk}`) && resolve(chunk)),
      );
      running.kill(by);
      const { code, signal } = await running.outcome;
      expect(signal ?? code).toBe({ SIGINT: 130, SIGTERM: 143, SIGKILL: 'SIGKILL' }[by]);
      expect(statesIn(folder)).toEqual(['v1 active', 'v2 published']);
      // Nothing new is vouched for by the same command.
      const again = await run(args);
      expect(again.code, again.stderr).toBe(6);
      expect(statesIn(folder)).toEqual(['v1 trusted', 'v2 active']);
    },
  );

  describe.skipIf(!haveTools('expect'))('at a terminal', () => {
    it('lists the kinds with what is due, and rotates the one that is chosen', async () => {
      const folder = copyOf(quick);
      const { code, screen } = await session(
        ['rotate', '--again', '--assume-consumers-current', '--dir', folder],
        [
          [PICK, `${DOWN}${ENTER}`],
          ['publish a new version of jwt-signing-key', `y${ENTER}`],
        ],
      );
      expect(code, screen).toBe(6);
      expect(screen).toMatch(/service-certificates \(due on \d{4}-\d\d-\d\d\)/);
      expect(statesIn(folder)).toEqual(['v1 active', 'v2 published']);
    });

    it.each([
      ['no', [['publish a new version of jwt-signing-key', `n${ENTER}`]], 1],
      ['Ctrl-C', [['publish a new version of jwt-signing-key', CTRL_C]], 130],
    ] as const)('%s leaves everything as it was', async (_, dialogue, exit) => {
      const folder = copyOf(quick);
      const before = fingerprintOf(folder, { times: true });
      const { code, screen } = await session([...ROTATE, '--dir', folder], dialogue);
      expect(code, screen).toBe(exit);
      expect(fingerprintOf(folder, { times: true })).toEqual(before);
    });

    it('a key that was replaced as compromised is accepted again by its typed kid alone', async () => {
      const folder = copyOf(quick);
      expect(await run(['rotate', JWT, '--again', '--compromised', '--yes', '--dir', folder])).toMatchObject({
        code: 0,
      });
      const kid = readRecord(folder).keys[JWT]?.versions[0]?.kid ?? '';
      const reinstate = (typed: string) =>
        session(
          ['rotate', JWT, '--reinstate', kid, '--dir', folder],
          [['Type its kid to accept it again', `${typed}${ENTER}`]],
        );
      const cancelled = await reinstate('y');
      expect([cancelled.code, statesIn(folder)], cancelled.screen).toEqual([1, ['v1 retired', 'v2 active']]);
      const { code, screen } = await reinstate(kid);
      expect([code, statesIn(folder)], screen).toEqual([0, ['v1 trusted', 'v2 active']]);
      expect(screen).toContain('v1 was replaced as compromised');
    });

    it('Ctrl-C at the list leaves everything as it was', async () => {
      const folder = copyOf(quick);
      const before = fingerprintOf(folder, { times: true });
      const { code, screen } = await session(['rotate', '--dir', folder], [[PICK, CTRL_C]]);
      expect(code, screen).toBe(130);
      expect(fingerprintOf(folder, { times: true })).toEqual(before);
    });
  });
});
