import { type ExitCode, usageError } from '../../errors.ts';
import { readIngressCertificate } from '../../front-door/ingress-certificate.ts';
import { type CertificateRequest, type KeyType, openRequest, requestCertificate } from '../../front-door/request.ts';
import { toAscii } from '../../host.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import { explainingDenials } from '../access.ts';
import { applyPorts } from '../apply-ports.ts';
import { checkHost } from '../check-host.ts';
import type { CliPorts, CsrOptions } from '../ports.ts';
import { writeDocument } from '../render/document.ts';
import { readStandingSpec } from '../spec-file.ts';

/** Makes the key and the request, or gives the one again that waits for its answer. */
export async function runCsr(options: CsrOptions, ports: CliPorts): Promise<ExitCode> {
  const { terminal } = ports;
  for (const name of [...(options.fqdn ?? []), ...(options.previousFqdn ?? [])]) checkHost(name, { wildcard: true });
  const file = await readStandingSpec(options, ports);
  const store = await ports.openStore(options, () => file?.ledgerNamespace);
  const spec = { spec: undefined, namespace: options.namespace, ledgerNamespace: file?.ledgerNamespace };
  const read = () => readIngressCertificate({ store, clock: ports.clock }, spec);
  const door = await explainingDenials('import-cert', read, store, file, ports);
  const names = namesOf(options, door.spec);
  const wanted = { names, keyType: options.keyType as KeyType };
  const apply = applyPorts('csr', store, options, ports);
  // Before there is a key: a mistake on the command line writes nothing.
  const isThere =
    options.out !== undefined && (await checkOut(options.out, () => openRequest(wanted, spec, apply), ports));
  if (options.dryRun) {
    terminal.stdout.write(`A ${options.keyType} key and a request would be made for ${names.join(', ')}.\n`);
    return 0;
  }
  const made = await requestCertificate(wanted, spec, apply);
  if (options.out !== undefined && !isThere) await ports.files.writeNew(options.out, made.request);
  const { request, kid, n, isNew } = made;
  const document = { kind: 'CsrResult', key: 'fqdn-key', n, kid, isNew, names, file: options.out ?? null, request };
  if (await writeDocument(document, options.output, terminal)) return 0;
  if (options.out === undefined) terminal.stdout.write(made.request);
  if (!options.quiet) terminal.stderr.write(note(made, options));
  return 0;
}

/** True where the file holds the request that waits. Throws USAGE where it is another file, or cannot be made. */
async function checkOut(
  out: string,
  waiting: () => Promise<string | undefined>,
  { files }: Pick<CliPorts, 'files'>,
): Promise<boolean> {
  try {
    await files.checkNew(out);
    return false;
  } catch (error) {
    const request = await waiting();
    const found = request === undefined ? undefined : await files.read(out).catch(() => undefined);
    if (found === undefined || found !== request) throw error;
    return true;
  }
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
  for (const name of names) checkHost(name, { wildcard: true });
  // What is ASCII stays as it was given: the request that waits for its answer is found by its names.
  return [...new Set(names.map((name) => (/^[\0-\x7f]*$/.test(name) ? name : toAscii(name))))];
}
