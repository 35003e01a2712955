// The certificate of the FQDN: requests, imports, and the way back.
import { answerRequest } from '../states.mjs';
import { onKeys, rotating } from './lines.mjs';

const certificate = (name) => `--cert given/${name}.pem --key given/${name}.key --ca given/root.pem`;
const answer = 'import-cert --cert answer.pem --ca given/root.pem';
const request = 'csr --wildcard --key-type p-256';

export const CERTIFICATES = [
  {
    name: 'csr',
    state: 'installed',
    steps: onKeys(
      ...['csr --dry-run', request, `${request} -o json --out palette.csr`, `${request} --out palette.csr`, 'status'],
      'csr --key-type p-384 --fqdn a.example.org --previous-fqdn b.example.org -o json',
      ...['csr -q', 'init', 'init --adopt --yes'],
    ),
  },
  {
    name: 'csr-without-a-name',
    steps: onKeys('init --config given/nameless.yaml -q', 'csr', 'csr --wildcard', 'csr --fqdn a.example.org -o yaml'),
  },
  {
    name: 'csr-answered',
    state: 'requested',
    steps: [
      answerRequest,
      ...onKeys(
        `${answer} --verify-only`,
        'import-cert --cert answer.pem',
        `${answer} --dry-run`,
        answer,
        'status',
        answer,
      ),
      ...onKeys('csr --key-type p-256 --out second.csr', `import-cert ${certificate('next')} --yes -v`),
      ...rotating('fqdn-certificate', '--plan', '--rollback --yes', '--rollback --yes -o json'),
      'init --dir keys',
    ],
  },
  {
    name: 'import-verify-only',
    steps: [
      '--cert given/leaf.pem --key given/leaf.key',
      '--cert given/messy.pem --key given/leaf.key --ca given/root.pem',
      '--cert given/alone.pem --key given/leaf.key --ca given/root.pem',
      '--cert given/alone.pem --chain given/issuing.pem --key given/leaf.key --ca given/root.pem',
      '--cert given/leaf.pem --key given/next.key --ca given/root.pem',
      '--cert given/leaf.pem --key given/sealed.key --ca given/root.pem',
      '--cert given/leaf.pem --key given/sealed.key --passphrase-file given/passphrase.txt --ca given/root.pem',
      '--cert given/leaf.key --key given/leaf.pem --ca given/root.pem',
      '--cert given/cut.pem --key given/leaf.key --ca given/root.pem',
      '--cert given/root.pem --key given/leaf.key --allow SELF_SIGNED_LEAF',
      '--pfx given/leaf.pfx --ca given/root.pem',
      '--pfx given/leaf.pfx --passphrase-file given/wrong-passphrase.txt --ca given/root.pem',
      '--pfx given/leaf.pfx --passphrase-file given/passphrase.txt --ca given/root.pem -o json',
      '--cert - --key given/leaf.key --ca given/root.pem -o yaml < given/leaf.pem',
      certificate('expired'),
      `${certificate('elsewhere')} --previous-fqdn old.example.org`,
      `${certificate('elsewhere')} -o json`,
    ].map((flags) => `import-cert --verify-only --fqdn palette.example.org ${flags}`),
  },
  {
    name: 'import',
    state: 'installed',
    steps: [
      ...onKeys(
        `import-cert ${certificate('leaf')} --dry-run -o json`,
        `import-cert ${certificate('elsewhere')}`,
        `import-cert ${certificate('leaf')}`,
        `import-cert ${certificate('next')} --dry-run`,
        `import-cert ${certificate('next')}`,
        `import-cert ${certificate('next')} --yes -o json`,
        'status',
      ),
      ...rotating('fqdn-certificate', '--yes', '--rollback --dry-run', '--rollback --yes'),
      '+70d',
      ...onKeys('status -o json', 'rotate --due --dry-run', `import-cert ${certificate('leaf')} --yes`),
    ],
  },
];
