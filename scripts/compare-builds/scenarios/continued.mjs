// Installations that the old build made, and the new one goes on with.
import { onKeys, rotating, WORD } from './lines.mjs';

const GO_ON = [
  ...onKeys('status -o json', 'init --yes', 'rotate --due --yes', 'backup --out after.age --recipient {recipient}'),
  '+25h',
  ...['jwt-signing-key', 'internal-ca', 'root-key'].flatMap((kind) =>
    rotating(kind, `--yes --no-tenant-store ${WORD}`),
  ),
  ...['+25h', ...onKeys(`rotate jwt-signing-key --yes ${WORD}`, 'status')],
];
const STATES = ['installed', 'rotating', 'imported', 'backedUp', 'released-rotated', 'released-csr'];

function continued(state, steps, name = state) {
  return { name: `continued-${name}`, state, continued: true, steps };
}

export const CONTINUED = [
  ...STATES.map((state) => continued(state, GO_ON)),
  continued(
    'rotating',
    [...rotating('jwt-signing-key', `--yes ${WORD}`), '+25h', ...onKeys('csr', 'rotate --due --yes', 'status')],
    'without-init',
  ),
  continued(
    'released-plain',
    onKeys('init', 'init --dry-run', 'rotate service-certificates --again --yes', 'init --yes', 'status'),
  ),
  continued('released-escrow', onKeys('status', 'init --yes')),
  continued('released-interrupted', onKeys('status', 'init --config given/small.yaml', 'init', 'status')),
];
