// States that an installation can be in when a scenario begins. Each is a way there from an earlier one.
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { RELEASED } from './materials.mjs';

const WORD = '--assume-consumers-current={generation}';
const init = 'init --dir keys --config given/small.yaml -q';

/** What the PKI team makes of the request in `palette.csr`. */
export const answerRequest = async ({ cwd, answer }) => {
  const request = readFileSync(path.join(cwd, 'palette.csr'), 'utf8');
  writeFileSync(path.join(cwd, 'answer.pem'), await answer(request), { mode: 0o600 });
};

export const STATES = {
  empty: { steps: [] },
  installed: { from: 'empty', steps: [init] },
  /** Another installation, for keys that are somebody else's. */
  stranger: { from: 'empty', steps: [init] },
  /** Three rotations under way, each at another step. */
  rotating: {
    from: 'installed',
    steps: [
      '+25h',
      'rotate jwt-signing-key --dir keys --yes',
      `rotate jwt-signing-key --dir keys --yes ${WORD}`,
      '+1h',
      'rotate jwt-signing-key --dir keys --yes',
      'rotate internal-ca --dir keys --yes',
      'rotate root-key --dir keys --yes --no-tenant-store',
      `rotate root-key --dir keys --yes --no-tenant-store ${WORD}`,
    ],
  },
  /** The JWT signing key has a retired version. */
  rotated: {
    from: 'installed',
    steps: [
      '+25h',
      'rotate jwt-signing-key --dir keys --yes',
      `rotate jwt-signing-key --dir keys --yes ${WORD}`,
      '+1h',
      'rotate jwt-signing-key --dir keys --yes',
      `rotate jwt-signing-key --dir keys --yes ${WORD}`,
      '+25h',
      'rotate jwt-signing-key --dir keys --yes',
    ],
  },
  requested: { from: 'installed', steps: ['csr --dir keys --key-type p-256 --out palette.csr'] },
  imported: {
    from: 'requested',
    steps: [answerRequest, 'import-cert --dir keys --cert answer.pem --ca given/root.pem --yes'],
  },
  backedUp: { from: 'installed', steps: ['backup --dir keys --out keys.age --recipient {recipient}'] },
  ...Object.fromEntries(
    ['plain', 'rotated', 'csr', 'escrow', 'interrupted'].map((name) => [
      `released-${name}`,
      { from: 'empty', steps: [copyReleased(name)] },
    ]),
  ),
};

/** With the modes that git does not keep. */
function copyReleased(name) {
  return ({ cwd, keys }) => {
    execFileSync('cp', ['-a', path.join(RELEASED, name), keys]);
    execFileSync('chmod', ['-R', 'u=rwX,go=', keys]);
    writeFileSync(path.join(cwd, 'palette-keys.yaml'), readFileSync(path.join(RELEASED, 'palette-keys.yaml')));
    chmodSync(path.join(cwd, 'palette-keys.yaml'), 0o600);
  };
}
