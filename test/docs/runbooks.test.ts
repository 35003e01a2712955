import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { editEntries, foreignRootKey, LEDGER, PLATFORM, pathOf } from '../scenarios/program/store.ts';
import { haveTools } from '../scenarios/program/tools.ts';
import { newFolder, run, runWell } from '../support/program.ts';
import { chanceBytes } from '../support/seed.ts';
import { asPattern, FOLDER, follow, shell } from './follow.ts';

const randomBytes = chanceBytes('runbooks');

const BACKUP = 'keys-2026-11-22.age';

describe.skipIf(!haveTools('age', 'age-keygen'))(
  'the commands of a runbook print what it shows',
  { timeout: 60_000 },
  () => {
    /** A folder with an installation, a backup of it, and the key that opens it. */
    let intact = '';

    beforeAll(async () => {
      intact = newFolder();
      await runWell(['init', '--dir', 'keys', '-q'], { cwd: intact });
      const sh = shell(intact);
      sh('age-keygen -o safe.key; age-keygen -y safe.key > recipients.txt');
      sh(`palette-keys backup --dir keys --out ${BACKUP} -R recipients.txt`);
    });

    it('backup.md', async () => {
      const cwd = newFolder();
      execFileSync('cp', ['-a', path.join(intact, 'keys'), cwd]);
      await follow('backup.md', { cwd });
      expect(readdirSync(cwd).sort()).toEqual(['keys', BACKUP, 'recipients.txt', 'safe.key']);
    });

    it('lost-cluster.md', async () => {
      const cwd = newFolder();
      const disasters: Readonly<Record<string, (keys: string) => void>> = {
        'Everything is gone': (keys) => rmSync(keys, { recursive: true }),
        'The ledger is gone': (keys) => rmSync(path.join(keys, LEDGER), { recursive: true }),
        'It is refused: the backup is older than what workloads use': (keys) => {
          editEntries(keys, `Secret/${PLATFORM}/palette-root-key`, () => foreignRootKey(randomBytes(32)));
          rmSync(path.join(keys, LEDGER), { recursive: true });
        },
        'The ledger is gone, and there is no backup': (keys) => rmSync(path.join(keys, LEDGER), { recursive: true }),
        'A part of the ledger is gone': (keys) => rmSync(pathOf(keys, `Secret/${LEDGER}/palette-key-internal-ca-v1`)),
      };
      await follow('lost-cluster.md', {
        cwd,
        prepare: (section) => {
          const disaster = disasters[section];
          if (disaster === undefined) throw new Error(`nothing prepares ${section}`);
          rmSync(cwd, { recursive: true });
          execFileSync('cp', ['-a', intact, cwd]);
          disaster(path.join(cwd, 'keys'));
        },
      });
      expect((await run(['init', '--dir', 'keys'], { cwd })).stdout).toContain('Nothing to do');
    });

    it('is not followed where a line is another one', () => {
      expect('KEY  VERSION\nroot-key v1\n').toMatch(asPattern('KEY  VERSION\nroot-key …\n'));
      expect('KEY  VERSION\nroot-key v1\nmore\n').not.toMatch(asPattern('KEY  VERSION\nroot-key …\n'));
      expect('a\nb\nc\n').toMatch(asPattern('a\n…\nc\n'));
      expect('a\nb\nd\n').not.toMatch(asPattern('a\n…\nc\n'));
      expect('a.c\n').not.toMatch(asPattern('abc\n'));
    });
  },
);

describe('the runbooks', () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.md'));

  it.each(files)('%s points to files and headings that are there', (name) => {
    const text = readFileSync(path.join(FOLDER, name), 'utf8');
    const headings = [...text.matchAll(/^##+ (.*)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [file = '', heading = ''] = target.split('#');
      if (file !== '') expect(existsSync(path.join(FOLDER, file)), target).toBe(true);
      else expect(headings, target).toContain(heading);
    }
  });

  it('are all in the list', () => {
    const list = readFileSync(path.join(FOLDER, 'README.md'), 'utf8');
    for (const name of files) if (name !== 'README.md') expect(list).toContain(`(${name})`);
  });
});
