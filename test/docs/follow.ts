/** Follows a runbook: runs its commands as a shell would, and compares what they print with what it shows. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { newFolder, PROGRAM, project } from '../support/program.ts';

export const FOLDER = path.join(project, 'docs/runbooks');

/** A command of a runbook, and what the runbook shows as its output. */
interface Step {
  readonly section: string;
  readonly command: string;
  readonly shown: string;
}

/** The `sh` blocks of a runbook, each with the `text` block that follows it. */
function stepsOf(runbook: string): readonly Step[] {
  const text = readFileSync(path.join(FOLDER, runbook), 'utf8');
  const parts = text.split(/^(?=##+ )/m);
  return parts.flatMap((part) => {
    const section = /^##+ (.*)$/m.exec(part)?.[1] ?? '';
    const blocks = [...part.matchAll(/```sh\n([\s\S]*?)```(?:\n```text\n([\s\S]*?)```)?/g)];
    return blocks.map(([, command = '', shown = '']) => ({ section, command, shown }));
  });
}

/** `…` alone on a line stands for any lines, and inside a line for any part of it. */
export function asPattern(shown: string): RegExp {
  const lines = shown.split('\n').map((line) => {
    if (line === '…') return '(?:.*\\n)*?';
    return `${line.split('…').map(escaped).join('.*')}\\n`;
  });
  return new RegExp(`^${lines.join('').replace(/\\n$/, '')}$`);
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** A folder in which `palette-keys` is the program. */
export function shell(cwd: string): (command: string) => string {
  const bin = newFolder();
  const [node = '', script = ''] = PROGRAM;
  writeFileSync(path.join(bin, 'palette-keys'), `#!/bin/sh\nexec '${node}' '${script}' "$@"\n`, { mode: 0o755 });
  const env = { PATH: `${bin}:${process.env['PATH']}`, HOME: newFolder(), TZ: 'UTC', LANG: 'C.UTF-8' };
  return (command) => execFileSync('sh', ['-uc', `exec 2>&1\n${command}`], { cwd, env, encoding: 'utf8' });
}

/** Runs all steps of a runbook; `prepare` makes the disaster of a section. */
export function follow(runbook: string, cwd: string, prepare: (section: string) => void = () => undefined): void {
  const sh = shell(cwd);
  let last = '';
  for (const { section, command, shown } of stepsOf(runbook)) {
    if (section !== last) prepare(section);
    last = section;
    expect(sh(command), `${runbook}, ${section}:\n${command}`).toMatch(asPattern(shown));
  }
}
