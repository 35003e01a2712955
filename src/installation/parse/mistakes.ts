/** Where in a spec: keys of mappings, indexes of lists. The empty path is the whole. */
export type Path = readonly (string | number)[];

/** Something that is wrong with a spec. It never quotes a value that may be a secret. */
export interface Mistake {
  readonly path: Path;
  /** The mistake is the key itself, not what stands under it. */
  readonly isKey?: boolean;
  /** Where else to look, should nothing be written at `path`: the value there is a default. */
  readonly orAt?: Path;
  /** Continues the sentence that begins with the path: `must be …`, `is missing`. */
  readonly message: string;
  readonly remedy?: string | undefined;
}

/** `serviceCertificates.services[3].name`. */
export function formatPath(path: Path): string {
  return path
    .map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at === 0 ? '' : '.'}${formatKey(part)}`))
    .join('');
}

/** A key as it stands, or quoted where it is not a plain one; shortened, for it may be anything. */
function formatKey(key: string): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(key)) return key;
  return JSON.stringify(key.length > 64 ? `${key.slice(0, 64)}…` : key);
}
