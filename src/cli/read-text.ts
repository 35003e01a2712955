import { usageError } from '../errors.ts';
import type { CliPorts } from './ports.ts';

/** The text of a file that a flag names, up to 1 MB unless `limit` is given. Throws USAGE where there is none. */
export async function readText(path: string, { files }: CliPorts, limit?: '64 MB'): Promise<string> {
  const text = await files.read(path, limit);
  if (text === undefined) throw usageError(`there is no file ${path}`, 'check the path');
  return text;
}
