import { input, select, confirm as yesOrNo } from '@inquirer/prompts';
import { PaletteKeysError } from '../../errors.ts';
import { defaultSpec } from '../../installation/defaults.ts';
import { formatSpec } from '../../installation/format.ts';
import { validateSpec } from '../../installation/parse/validate.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import type { CliPorts } from '../ports.ts';
import { asking, promptContext } from '../prompts/ask.ts';
import { confirm } from '../prompts/confirm.ts';
import { table } from '../render/table.ts';

const ALGORITHMS = [
  { value: 'ES256', description: 'ECDSA P-256: short tokens, known to every library' },
  { value: 'EdDSA', description: 'Ed25519: fast, known to newer libraries' },
  { value: 'ES384', description: 'ECDSA P-384' },
  { value: 'RS256', description: 'RSA 3072, PKCS#1: for old verifiers' },
  { value: 'PS256', description: 'RSA 3072, PSS' },
  { value: 'HS256', description: 'one shared secret: every verifier can also sign' },
  { value: 'HS512', description: 'the same with SHA-512' },
];

/** Asks for what installations differ in, shows the answers, and offers to keep them in a file. */
export async function askForSpec(namespace: string | undefined, ports: CliPorts): Promise<InstallationSpec> {
  const { terminal } = ports;
  terminal.stderr.write('No spec was given: a few questions, then a review before anything is written.\n');
  const spec = await asking(() => questions(namespace, ports));
  const { jwt, serviceCertificates, rootDomain } = spec;
  const rows = [
    ['FQDN', rootDomain ?? 'none yet'],
    ['platform namespace', spec.namespace],
    ['ledger namespace', spec.ledgerNamespace],
    [
      'services',
      serviceCertificates.services
        .map(({ name, namespace: of }) => (of === spec.namespace ? name : `${of}/${name}`))
        .join(' '),
    ],
    ['JWT algorithm', jwt.algorithm],
    ['tenant keys', `${spec.tenantKeys.bits} bits`],
  ];
  terminal.stderr.write(`\n${table(rows, 2)}\n`);
  await confirm('Make all keys and certificates of this installation now?', ports);
  await offerToKeep(spec, ports);
  return spec;
}

async function questions(namespace: string | undefined, ports: CliPorts): Promise<InstallationSpec> {
  const context = promptContext(ports);
  const standard = defaultSpec();
  const check = (field: object): true | string => problemOf(field);
  const rootDomain = await input(
    {
      message: 'FQDN of the platform (empty: none yet)',
      validate: (value) => value === '' || check({ rootDomain: value }),
    },
    context,
  );
  const platform = await input(
    {
      message: "Platform's namespace",
      default: namespace ?? standard.namespace,
      validate: (value) => check({ namespace: value }),
    },
    context,
  );
  const ledger = await input(
    {
      message: "Ledger's namespace (mounted by nothing)",
      default: standard.ledgerNamespace,
      validate: (value) => check({ namespace: platform, ledgerNamespace: value }),
    },
    context,
  );
  const services = await input(
    {
      message: 'Services, as name or namespace/name',
      default: standard.serviceCertificates.services
        .map(({ name, namespace: of }) => (of === standard.namespace ? name : `${of}/${name}`))
        .join(' '),
      validate: (value) =>
        check({ namespace: platform, ledgerNamespace: ledger, serviceCertificates: { services: listed(value) } }),
    },
    context,
  );
  const algorithm = await select(
    { message: 'Algorithm of session tokens', choices: ALGORITHMS, default: 'ES256' },
    context,
  );
  const bits = await select(
    {
      message: 'Bits of a tenant key',
      choices: [
        { value: 64, description: 'what the platform documents; below what NIST allows' },
        { value: 128, description: 'better, if the platform takes it' },
        { value: 256, description: 'best, if the platform takes it' },
      ],
      default: 64,
    },
    context,
  );
  return validateSpec(
    {
      apiVersion: standard.apiVersion,
      kind: standard.kind,
      namespace: platform,
      ledgerNamespace: ledger,
      ...(rootDomain === '' ? {} : { rootDomain }),
      jwt: { algorithm },
      tenantKeys: { bits },
      serviceCertificates: { services: listed(services) },
    },
    'the answers',
  );
}

function listed(text: string): { name: string; namespace?: string }[] {
  return text
    .split(/[\s,]+/)
    .filter((word) => word !== '')
    .map((word) => {
      const [first = '', second] = word.split('/');
      return second === undefined ? { name: first } : { namespace: first, name: second };
    });
}

function problemOf(field: object): true | string {
  const { apiVersion, kind } = defaultSpec();
  try {
    validateSpec({ apiVersion, kind, ...field }, 'answer');
    return true;
  } catch (error) {
    if (!(error instanceof PaletteKeysError)) throw error;
    return error.details.map(({ message }) => message.replace(/^answer: /, '')).join('; ');
  }
}

async function offerToKeep(spec: InstallationSpec, ports: CliPorts): Promise<void> {
  const context = promptContext(ports);
  const keep = await asking(() =>
    yesOrNo({ message: 'Keep these answers in ./palette-keys.yaml?', default: true }, context),
  );
  if (keep) await ports.files.writeNew('palette-keys.yaml', formatSpec(spec));
}
