import type { Terminal } from '../../ports/terminal.ts';

type Level = 0 | 1 | 2 | 3;

/** The terminal of this process. NO_COLOR, FORCE_COLOR and CI are honoured. */
export function systemTerminal(argv: readonly string[], env: NodeJS.ProcessEnv): Terminal {
  const { stdin, stdout, stderr } = process;
  const ci = (env['CI'] ?? '') !== '' && env['CI'] !== 'false';
  return {
    stdin,
    stdout,
    stderr,
    interactive: stdin.isTTY === true && stderr.isTTY === true && !ci,
    colour: { stdout: colourLevel(stdout, argv, env), stderr: colourLevel(stderr, argv, env) },
    columns: stdout.columns ?? 80,
    redraws: stderr.isTTY === true && !ci && env['TERM'] !== 'dumb',
  };
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
