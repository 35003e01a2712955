// Runs a scenario with one build, in a folder of its own, and notes all that a user could see.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { folderDescriber } from './describe-folder.mjs';
import { readRecord } from './objects.mjs';
import { STATES } from './states.mjs';

const CLOCK = fileURLToPath(new URL('clock.mjs', import.meta.url));
const TIME_LIMIT_MS = 120_000;
const MINUTE = 60_000;
const UNITS = { m: MINUTE, h: 60 * MINUTE, d: 24 * 60 * MINUTE };

/**
 * A function that runs a scenario with a build and resolves to `{ line, stdout, stderr, code, state }` of each command.
 * Both builds work in paths of the same length, so that lines break at the same words.
 */
export function openBench({ folder, materials, start }) {
  const states = new Map();

  /** The folder that this build leaves in that state, made once, and the time there. */
  function stateOf(name, build) {
    const key = `${build.name} ${name}`;
    if (!states.has(key)) states.set(key, makeState(name, build));
    return states.get(key);
  }

  async function makeState(name, build) {
    const cwd = path.join(folder, build.name, `state-${name}`);
    const { from, steps } = STATES[name];
    if (from === undefined) {
      mkdirSync(cwd, { recursive: true, mode: 0o700 });
      cpSync(materials.folder, path.join(cwd, 'given'), { recursive: true });
      return { cwd, now: start };
    }
    const { now } = await work({ cwd, from, maker: build, build, steps });
    return { cwd, now };
  }

  /** Runs the steps in a copy of the state that `maker` left. */
  async function work({ cwd, from, maker, build, steps, describe }) {
    const state = await stateOf(from, maker);
    execFileSync('cp', ['-a', state.cwd, cwd]);
    const keys = path.join(cwd, 'keys');
    const stranger = async () => path.join((await stateOf('stranger', build)).cwd, 'keys');
    const commands = [];
    let { now } = state;
    for (const step of steps) {
      if (typeof step === 'function') await step({ cwd, keys, stranger, answer: materials.answer });
      else if (/^[+-]\d+[mhd]$/.test(step)) now += Number.parseInt(step, 10) * UNITS[step.at(-1)];
      else {
        now += MINUTE;
        const outcome = await run(build, expand(step, { cwd, keys, recipient: materials.recipient }), cwd, now);
        commands.push({ line: step, ...outcome, state: describe?.() });
      }
    }
    return { now, commands };
  }

  return async ({ name, state = 'empty', steps }, { build, maker, counted }) => {
    const cwd = path.join(folder, build.name, name);
    const describe = folderDescriber(cwd, counted);
    return (await work({ cwd, from: state, maker, build, steps, describe })).commands;
  };
}

/** `{generation}`, `{kid:KIND:N}`, `{sha256:FILE}` and `{recipient}`, as they are at that time. */
function expand(line, { cwd, keys, recipient }) {
  const known = {
    generation: () => readRecord(keys).generation,
    kid: (kind, n) => readRecord(keys).keys[kind].versions.find((version) => version.n === Number(n)).kid,
    sha256: (file) =>
      createHash('sha256')
        .update(readFileSync(path.join(cwd, file)))
        .digest('hex'),
    recipient: () => recipient,
  };
  return line.replaceAll(/\{(\w+)(?::([^:}]+))?(?::(\d+))?\}/g, (whole, name, ...given) =>
    Object.hasOwn(known, name) ? known[name](...given) : whole,
  );
}

/** `< FILE` at the end is its input. */
async function run(build, line, cwd, now) {
  const [, words, input] = /^(.*?)(?: < (\S+))?$/.exec(line);
  const home = path.join(cwd, 'home');
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    TMPDIR: home,
    TZ: 'UTC',
    LANG: 'C.UTF-8',
    NOW: new Date(now).toISOString(),
  };
  const args = ['--import', CLOCK, path.join(build.root, 'bin/palette-keys.js'), ...words.split(' ').filter(Boolean)];
  mkdirSync(home, { recursive: true });
  const child = spawn(process.execPath, args, { cwd, env, stdio: 'pipe' });
  const chunks = { stdout: [], stderr: [] };
  for (const name of ['stdout', 'stderr']) child[name].on('data', (chunk) => chunks[name].push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input === undefined ? '' : readFileSync(path.join(cwd, input)));
  const timer = setTimeout(() => child.kill('SIGKILL'), TIME_LIMIT_MS);
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve(`${status ?? signal}`));
  });
  clearTimeout(timer);
  return { code, stdout: Buffer.concat(chunks.stdout).toString(), stderr: Buffer.concat(chunks.stderr).toString() };
}
