// Steps of a rotation that are asked for by name: back, again, gone, and the emergency.
import { onKeys, rotating, WORD } from './lines.mjs';

const [JWT_1, JWT_2, ROOT_1] = ['{kid:jwt-signing-key:1}', '{kid:jwt-signing-key:2}', '{kid:root-key:1}'];
const LEAKING = ['root-key', 'jwt-signing-key', 'internal-ca', 'message-bus-operator'];

export const SINGLE_STEPS = [
  {
    name: 'rollback',
    state: 'rotating',
    steps: [
      ...rotating(
        'jwt-signing-key',
        '--rollback --dry-run',
        '--rollback',
        '--rollback --yes',
        '--rollback --yes -o json',
      ),
      ...rotating('jwt-signing-key', '--yes'),
      ...rotating('internal-ca', '--rollback --dry-run -o json', '--rollback --yes', '--rollback --yes', '--yes'),
      ...rotating('root-key', '--rollback --yes', '--yes --no-tenant-store -o json'),
      ...['status --dir keys', '+25h', ...rotating('jwt-signing-key', `--yes ${WORD}`)],
    ],
  },
  {
    name: 'reinstate-and-retire',
    state: 'rotated',
    steps: [
      ...rotating('jwt-signing-key', '--rollback --yes', `--reinstate ${JWT_1} --dry-run`, `--reinstate ${JWT_1}`),
      ...rotating('jwt-signing-key', `--reinstate ${JWT_1} --yes`, `--reinstate ${ROOT_1} --yes`, '--yes'),
      'status --dir keys',
      ...rotating(
        'jwt-signing-key',
        `--retire ${JWT_1} --dry-run`,
        `--retire ${JWT_1} --yes`,
        `--retire ${JWT_2} --yes`,
      ),
    ],
  },
  {
    name: 'destroy',
    state: 'rotated',
    steps: [
      ...rotating(
        'jwt-signing-key',
        `--destroy ${JWT_2} --yes`,
        `--destroy ${JWT_1} --dry-run`,
        `--destroy ${JWT_1} --yes`,
      ),
      'backup --dir keys --out keys.age --recipient {recipient} -q',
      ...rotating('jwt-signing-key', `--destroy ${JWT_1} --dry-run -o json`, `--destroy ${JWT_1} --yes`),
      ...rotating('jwt-signing-key', `--destroy ${JWT_1} --yes -o json`, `--reinstate ${JWT_1} --yes`),
      ...onKeys('status', 'restore keys.age --identity given/identity.txt --yes', 'status'),
      ...onKeys('backup --out again.age --recipient {recipient}', `rotate jwt-signing-key --reinstate ${JWT_1} --yes`),
    ],
  },
  {
    name: 'destroy-root-key',
    state: 'rotating',
    steps: [
      ...rotating('root-key', `--yes --no-tenant-store ${WORD}`),
      'backup --dir keys --out keys.age --recipient {recipient} -q',
      ...rotating('root-key', `--yes --destroy ${ROOT_1}`, `--yes --no-tenant-store --destroy ${ROOT_1}`),
      ...['+31d', ...rotating('root-key', `--yes --no-tenant-store --destroy ${ROOT_1} -o json`)],
      'status --dir keys',
    ],
  },
  {
    name: 'compromised',
    state: 'installed',
    steps: [
      ...LEAKING.flatMap((kind) =>
        rotating(kind, '--compromised --dry-run', '--compromised --yes', `--compromised --yes ${WORD}`),
      ),
      ...['hash-salt', 'mongodb-auth', 'cluster-ca', 'message-bus-signing-key', 'message-bus-system-account'].flatMap(
        (kind) => rotating(kind, '--compromised --yes'),
      ),
      'rotate cluster-ca --dir keys --compromised --again',
    ],
  },
  {
    name: 'compromised-while-rotating',
    state: 'rotating',
    steps: [
      ...['jwt-signing-key', 'internal-ca'].flatMap((kind) =>
        rotating(
          kind,
          ...['--compromised --yes -o json', `--compromised --yes ${WORD}`, '--compromised --again --yes'],
          ...['--yes --rollback', `--yes ${WORD}`],
        ),
      ),
      'status --dir keys',
    ],
  },
  {
    name: 'words',
    state: 'rotating',
    steps: [
      ...rotating('internal-ca', '--yes --assume-consumers-current=1', '--yes --assume-consumers-current=1 -o json'),
      ...rotating('internal-ca', '--yes --wait', `--yes ${WORD} -o json`, `--yes ${WORD} -o yaml`),
      ...rotating('jwt-signing-key', '--yes --ignore-pod hubble-system/auth-0', '--yes --restart', '--explain -o json'),
    ],
  },
];
