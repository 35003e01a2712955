import { fileWith, PROGRAM, type RunOptions, run } from '../../support/program.ts';

/** What to wait for, and what to type then. */
export type Dialogue = readonly (readonly [until: string, typed: string])[];

export const ENTER = '\\r';
export const CTRL_C = '\\003';
export const DOWN = '\\033\\[B';

/** A person at a terminal of 80 columns: runs the program under expect(1), which answers as `dialogue` says. */
export async function session(
  args: readonly string[],
  dialogue: Dialogue,
  options: RunOptions = {},
): Promise<{ code: number | null; screen: string }> {
  const script = fileWith(
    [
      'set timeout 30',
      'log_user 1',
      `spawn -noecho ${[...PROGRAM, ...args].map((word) => `{${word}}`).join(' ')}`,
      'stty columns 80 rows 40 < $spawn_out(slave,name)',
      ...dialogue.flatMap(([until, typed]) => [
        `expect {\n  -ex {${until}} {}\n  timeout { puts "\\nTIMEOUT waiting for ${until}"; exit 97 }\n  eof { puts "\\nEND before ${until}"; exit 98 }\n}`,
        'after 60',
        `send -- "${typed}"`,
      ]),
      'expect { eof {} timeout { puts "\\nTIMEOUT at the end"; exit 99 } }',
      'exit [lindex [wait] 3]',
    ].join('\n'),
    'session.exp',
  );
  const env = { TERM: 'xterm-256color', ...options.env };
  const { code, stdout } = await run([script], { ...options, env, program: ['expect'] });
  return { code, screen: stdout };
}
