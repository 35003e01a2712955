import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, it } from 'vitest';
import { LEDGER, pathOf } from '../program/store.ts';
import { newFolder, runWell } from '../support/program.ts';
import { FOLDER, follow } from './follow.ts';

/** A folder with an installation whose keys are old enough to be rotated. */
let intact = '';

beforeAll(async () => {
  intact = newFolder();
  const keys = path.join(intact, 'keys');
  await runWell(['init', '--dir', keys, '-q']);
  age(keys);
});

/** Keys count as young by the record, certificates by themselves; `--again` is for the latter. */
function age(keys: string): void {
  const file = pathOf(keys, `ConfigMap/${LEDGER}/palette-keys-installation`);
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replaceAll(/("since": ")[^"]+/g, '$12026-11-01T00:00:00Z'));
}

describe('the commands of a rotation runbook print what it shows', { timeout: 60_000 }, () => {
  const runbooks = readdirSync(FOLDER).filter((name) => /^rotate-.*[.]md$/.test(name));

  it.each(runbooks)('%s', (name) => {
    const cwd = newFolder();
    const afresh = (): void => {
      execFileSync('sh', ['-c', 'rm -rf "$2/keys" && cp -a "$1/keys" "$2"', 'sh', intact, cwd]);
    };
    afresh();
    follow(name, cwd, name === 'rotate-emergency.md' ? afresh : undefined);
  });
});
