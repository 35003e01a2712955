// Every kind of key through its rotation: what is planned, each step, and the end.
import { onKeys, rotating, WORD } from './lines.mjs';

/** Begins a rotation, vouches for each change, and lets the time pass that it waits for. */
function rotation(kind, { flags = '', before = [], after = [] } = {}) {
  const go = `--yes${flags}`;
  const steps = [
    ...['+25h', ...before],
    ...rotating(kind, '--plan', '--explain', '--dry-run -o json', go, '--plan -o json', '--dry-run', `${go} ${WORD}`),
    ...['+1h', ...rotating(kind, `${go} ${WORD} -o json`)],
    ...['+25h', ...rotating(kind, `${go} ${WORD}`)],
    ...after,
  ];
  return { name: `rotate-${kind}`, state: 'installed', steps };
}

export const ROTATIONS = [
  rotation('jwt-signing-key', {
    before: rotating('jwt-signing-key', '', '--dry-run -v'),
    after: ['+25h', ...onKeys('rotate jwt-signing-key --yes -o yaml', 'status', 'rotate jwt-signing-key --yes')],
  }),
  rotation('root-key', { flags: ' --no-tenant-store' }),
  rotation('internal-ca', { after: ['status --dir keys'] }),
  rotation('cluster-ca'),
  rotation('message-bus-signing-key'),
  rotation('hash-salt', { before: onKeys('rotate hash-salt --yes', 'init --config given/counted.yaml --yes') }),
  {
    name: 'rotate-mongodb-auth',
    state: 'installed',
    steps: ['+25h', ...rotating('mongodb-auth', '--plan', '--explain', '--dry-run -o json', '--yes', `--yes ${WORD}`)],
  },
  {
    name: 'rotate-root-key-of-a-database',
    state: 'installed',
    steps: [
      '+25h',
      ...rotating('root-key', '--yes', '--dry-run', '--explain').map(
        (line) => `${line} --mongodb-uri-file given/uri.txt --request-timeout 1s`,
      ),
    ],
  },
  {
    name: 'rotate-root-key-of-a-single-reader',
    state: 'installed',
    steps: [
      ...['+25h', 'init --dir keys --config given/consumed.yaml --yes'],
      ...rotating('root-key', '--plan', '--yes', '--yes --no-tenant-store -o json'),
    ],
  },
  {
    name: 'rotate-identities',
    state: 'installed',
    steps: [
      ...['message-bus-operator', 'message-bus-system-account', 'fqdn-certificate', 'fqdn-key'].flatMap((kind) =>
        rotating(kind, '--plan', '--yes'),
      ),
      ...rotating('message-bus-operator', '--yes -o json --rollback'),
    ],
  },
  {
    name: 'rotate-service-certificates',
    state: 'installed',
    steps: [
      ...rotating('service-certificates', '--plan', '--yes', '--again --dry-run', '--again', '--again --yes -o json'),
      '+25h',
      ...rotating('service-certificates', '--explain', '--yes', '--yes --rollback', '--compromised --yes'),
      ...rotating('service-certificates', '--service ui --plan', '--service auth --service ui --again --yes'),
    ],
  },
  {
    name: 'rotate-other-certificates',
    state: 'installed',
    steps: [
      '+25h',
      ...['mongodb-tls', 'grpc-tls', 'message-bus-tls'].flatMap((kind) => rotating(kind, '--dry-run', '--yes')),
      ...rotating('mongodb-tls', '--plan', '--compromised --again --yes -o json'),
    ],
  },
  {
    name: 'rotate-due',
    state: 'rotating',
    steps: [
      ...onKeys('rotate --due --dry-run', 'rotate --due --yes'),
      ...['+25h', 'rotate --due --dir keys --yes -o json'],
      ...['+250d', 'rotate --due --dir keys --yes -v'],
    ],
  },
  {
    name: 'rotate-algorithm',
    state: 'installed',
    steps: [
      ...onKeys('init --config given/changed.yaml --yes', 'rotate jwt-signing-key --yes'),
      ...['+25h', ...rotating('jwt-signing-key', '--yes -v', `--yes ${WORD}`)],
    ],
  },
];
