import { readFrontDoor } from '../apply/import/front-door.ts';
import { type CertificateRequest, type KeyType, requestCertificate } from '../apply/import/request.ts';
import { type ExitCode, usageError } from '../errors.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import { explainingDenials } from './access.ts';
import { applyPorts } from './apply-ports.ts';
import type { CliPorts, CsrOptions } from './ports.ts';
import { writeDocument } from './render/document.ts';
import { readStandingSpec } from './spec-file.ts';

/** Makes the key and the request, or gives the one again that waits for its answer. */
export async function runCsr(options: CsrOptions, ports: CliPorts): Promise<ExitCode> {
  const { terminal } = ports;
  const file = await readStandingSpec(options, ports);
  const store = await ports.openStore(options, () => file?.ledgerNamespace);
  const spec = { spec: undefined, namespace: options.namespace, ledgerNamespace: file?.ledgerNamespace };
  const read = () => readFrontDoor({ store, clock: ports.clock }, spec);
  const door = await explainingDenials('import-cert', read, store, file, ports);
  const names = namesOf(options, door.spec);
  // Before there is a key: a mistake on the command line writes nothing.
  if (options.out !== undefined) await ports.files.checkNew(options.out);
  if (options.dryRun) {
    terminal.stdout.write(`A ${options.keyType} key and a request would be made for ${names.join(', ')}.\n`);
    return 0;
  }
  const wanted = { names, keyType: options.keyType as KeyType };
  const made = await requestCertificate(wanted, spec, applyPorts('csr', store, options, ports));
  if (options.out !== undefined) await ports.files.writeNew(options.out, made.request);
  if (options.output === 'json' || options.output === 'yaml') {
    const { request, kid, n, isNew } = made;
    const document = { kind: 'CsrResult', key: 'fqdn-key', n, kid, isNew, names, file: options.out ?? null, request };
    await writeDocument(document, options.output, terminal);
    return 0;
  }
  if (options.out === undefined) terminal.stdout.write(made.request);
  if (!options.quiet) terminal.stderr.write(note(made, options));
  return 0;
}

function note({ isNew, n }: CertificateRequest, { out }: CsrOptions): string {
  const key = isNew
    ? `The key is version ${n} of fqdn-key in the ledger`
    : `This request waits for its answer already (key v${n})`;
  const where = out === undefined ? '' : `; the request is in ${out}`;
  return `${key}${where}.\nNext: palette-keys import-cert --cert ANSWER\n`;
}

function namesOf(
  { fqdn, previousFqdn = [], wildcard }: CsrOptions,
  { rootDomain }: InstallationSpec,
): readonly string[] {
  const own = fqdn ?? (rootDomain === null ? [] : [rootDomain]);
  const [first] = own;
  if (first === undefined)
    throw usageError(
      'it is not known for which name the request is',
      'give --fqdn NAME, or set rootDomain in the spec',
    );
  const names = [...own, ...(wildcard ? [`*.${rootDomain ?? first}`] : []), ...previousFqdn];
  const wrong = names.find((name) => !/^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$/.test(name));
  if (wrong !== undefined) throw usageError(`${wrong} is no host name`, 'write it in ASCII, as xn--… if need be');
  return [...new Set(names)];
}
