// `init --dir` against the bare generation of the same keys; --version and --help against an empty Node.js.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { medians, report } from './measure.mjs';

const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const program = here('../bin/palette-keys.js');
const { execPath: node } = process;

export function run(rounds) {
  const parent = mkdtempSync(path.join(tmpdir(), 'palette-keys-bench-'));
  let turn = 0;
  try {
    const init = medians(
      [
        { name: 'init', argv: () => [node, program, 'init', '-q', '--dir', path.join(parent, String(turn++))] },
        { name: 'bare', argv: () => [node, here('bare-keys.mjs')] },
      ],
      rounds,
    );
    const start = medians(
      [
        { name: 'version', argv: () => [node, program, '--version'] },
        { name: 'help', argv: () => [node, program, '--help'] },
        { name: 'node', argv: () => [node, '-e', '0'] },
      ],
      rounds,
    );
    console.log(`medians of ${rounds} runs in turn${' '.repeat(14)}ours   theirs  ratio   limit`);
    return [
      report('init --dir / bare key generation', init.get('init'), init.get('bare'), 1.35),
      report('--version / node -e 0', start.get('version'), start.get('node'), 1.3),
      report('--help / node -e 0', start.get('help'), start.get('node'), 1.6),
    ].every(Boolean);
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}
