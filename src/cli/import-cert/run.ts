import type { ExitCode } from '../../errors.ts';
import { warnOfClock } from '../open-store.ts';
import type { CliPorts, ImportOptions } from '../ports.ts';
import { readStandingSpec } from '../spec-file.ts';
import { examined, namesToCover } from './examined.ts';
import { checkAllowed, checkNames, checkProbe, readImportInput } from './input.ts';
import { reportImport } from './report.ts';

/** Checks a certificate; unless --verify-only stores it, and where asked waits until it is served. */
export async function runImport(options: ImportOptions, ports: CliPorts): Promise<ExitCode> {
  checkAllowed(options);
  checkNames(options);
  const target = checkProbe(options);
  const file = await readStandingSpec(options, ports);
  const input = await readImportInput(options, ports);
  if (!options.verifyOnly) {
    // Stores and plans are loaded for those who store.
    const { storeImport } = await import('./store-import.ts');
    return storeImport(input, { target, file }, options, ports);
  }
  warnOfClock(options, ports);
  const stored = { rootDomain: file?.rootDomain ?? undefined, keys: [], replaced: undefined };
  const examination = await examined({ ...input, fqdn: namesToCover(options, file) }, stored, options, ports);
  return reportImport(examination, { dryRun: true }, options, ports);
}
