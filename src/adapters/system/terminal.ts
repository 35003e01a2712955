import { writeSync } from 'node:fs';
import { PaletteKeysError } from '../../errors.ts';
import type { Output, Terminal } from '../../ports/terminal.ts';
import { codeOf } from './file-failures.ts';

type Level = 0 | 1 | 2 | 3;

/** The terminal of this process. NO_COLOR, FORCE_COLOR and CI are honoured. Nothing is opened before it is asked for. */
export function systemTerminal(argv: readonly string[], env: NodeJS.ProcessEnv): Terminal {
  const ci = (env['CI'] ?? '') !== '' && env['CI'] !== 'false';
  return {
    stdout: descriptor(1),
    stderr: descriptor(2),
    get dialogue() {
      return { input: process.stdin, output: process.stderr };
    },
    get interactive() {
      return process.stdin.isTTY === true && process.stderr.isTTY === true && !ci;
    },
    get colour() {
      return { stdout: colourLevel(process.stdout, argv, env), stderr: colourLevel(process.stderr, argv, env) };
    },
    get shows() {
      return process.stdout.isTTY === true;
    },
    get redraws() {
      return process.stderr.isTTY === true && !ci && env['TERM'] !== 'dumb';
    },
  };
}

/** By file descriptor: process.stdout would load Node's network code, which takes longer than printing a help text. */
function descriptor(fd: number): Output {
  return {
    write(text) {
      let rest: Uint8Array = typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
      while (rest.length > 0) {
        try {
          rest = rest.subarray(writeSync(fd, rest));
        } catch (error) {
          const code = codeOf(error);
          if (code === 'EPIPE') return false;
          if (code !== 'EAGAIN') throw unwritable(fd, code, error);
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
        }
      }
      return true;
    },
  };
}

function unwritable(fd: number, code: unknown, cause: unknown): PaletteKeysError {
  const name = fd === 1 ? 'standard output' : 'standard error';
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new PaletteKeysError(full ? 'DISK_FULL' : 'STORE_UNAVAILABLE', `cannot write to ${name} (${code})`, {
    hint: full
      ? 'make room where it goes, and run the command again'
      : 'check where it goes, and run the command again',
    cause,
  });
}

function colourLevel(stream: NodeJS.WriteStream, argv: readonly string[], env: NodeJS.ProcessEnv): Level {
  if (argv.includes('--no-color') || (env['NO_COLOR'] ?? '') !== '') return 0;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced === '0' || forced === 'false' ? 0 : asLevel(Number(forced || 1));
  if (stream.isTTY !== true) return 0;
  return ({ 1: 0, 4: 1, 8: 2, 24: 3 } as const)[stream.getColorDepth(env) as 1 | 4 | 8 | 24] ?? 1;
}

function asLevel(value: number): Level {
  return value === 2 || value === 3 ? value : 1;
}
