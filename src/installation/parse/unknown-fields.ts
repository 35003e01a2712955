import { installationSchema } from '../schema.ts';

type Key = string | number;
type Container = Record<Key, unknown>;

/** A field that this build does not know, at its place in the spec of a record. */
interface UnknownField {
  readonly path: readonly Key[];
  readonly key: string;
  readonly value: unknown;
}

/** Takes out of a recorded spec what this build does not know: a newer one may have written it, and it is kept. */
export function splitUnknown(value: object): { readonly known: object; readonly unknown: readonly UnknownField[] } {
  const { error } = installationSchema.safeParse(value, { jitless: true });
  const known = structuredClone(value);
  const unknown = (error?.issues ?? []).flatMap((issue): UnknownField[] => {
    if (issue.code !== 'unrecognized_keys') return [];
    const path = issue.path as Key[];
    const holder = containerAt(known, path);
    if (holder === undefined) return [];
    return issue.keys.map((key) => {
      const field = { path, key, value: holder[key] };
      delete holder[key];
      return field;
    });
  });
  return { known, unknown };
}

export function withUnknown<T extends object>(spec: T, unknown: readonly UnknownField[]): T {
  if (unknown.length === 0) return spec;
  const whole = structuredClone(spec);
  for (const { path, key, value } of unknown) {
    const holder = containerAt(whole, path);
    if (holder !== undefined) holder[key] = value;
  }
  return whole;
}

function containerAt(root: object, path: readonly Key[]): Container | undefined {
  const found = path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? (value as Container)[key] : undefined),
    root,
  );
  return typeof found === 'object' && found !== null ? (found as Container) : undefined;
}
