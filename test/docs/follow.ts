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

/** The cluster that commands are for which name no folder. */
export interface Login {
  readonly kubeconfig: string;
  readonly kubectl: string;
}

/** A folder in which `palette-keys` is the program, and `kubectl` that of the cluster. */
export function shell(cwd: string, login?: Login): (command: string) => string {
  const bin = newFolder();
  const put = (name: string, program: readonly string[]) => {
    const words = program.map((word) => `'${word}'`).join(' ');
    writeFileSync(path.join(bin, name), `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  };
  put('palette-keys', PROGRAM);
  if (login !== undefined) put('kubectl', [login.kubectl]);
  const env = {
    PATH: `${bin}:${process.env['PATH']}`,
    HOME: newFolder(),
    TZ: 'UTC',
    LANG: 'C.UTF-8',
    ...(login === undefined ? {} : { KUBECONFIG: login.kubeconfig }),
  };
  return (command) => execFileSync('sh', ['-uc', `exec 2>&1\n${command}`], { cwd, env, encoding: 'utf8' });
}

/** Where a runbook is followed, and what its sections begin with. */
export interface RotationContext {
  readonly cwd: string;
  readonly login?: Login;
  /** Makes the disaster of a section, or what it takes for granted. */
  prepare?(section: string): void | Promise<void>;
}

/** Runs all steps of a runbook. */
export async function follow(runbook: string, { cwd, login, prepare }: RotationContext): Promise<void> {
  const sh = shell(cwd, login);
  let last = '';
  for (const { section, command, shown } of stepsOf(runbook)) {
    if (section !== last) await prepare?.(section);
    last = section;
    expect(sh(command), `${runbook}, ${section}:\n${command}`).toMatch(asPattern(shown));
  }
}
