import type * as z from 'zod/mini';
import { installationSchema } from '../schema.ts';
import type { Path } from './mistakes.ts';

interface Definition {
  readonly innerType?: z.core.$ZodType;
  readonly out?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
}

export function knownKeys(path: Path): readonly string[] {
  let schema: z.core.$ZodType | undefined = installationSchema;
  for (const part of path) {
    const { shape, element } = unwrap(schema);
    schema = typeof part === 'number' ? element : shape?.[part];
    if (schema === undefined) return [];
  }
  return Object.keys(unwrap(schema).shape ?? {});
}

/** Every field, the outer before what is in it: `jwt`, `jwt.algorithm`, `serviceCertificates.services[].name`. */
export function fieldPaths(schema: z.core.$ZodType = installationSchema, prefix = ''): string[] {
  return Object.entries(unwrap(schema).shape ?? {}).flatMap(([key, inner]) => {
    const { element } = unwrap(inner);
    const path = `${prefix}${key}`;
    return [path, ...(element === undefined ? fieldPaths(inner, `${path}.`) : fieldPaths(element, `${path}[].`))];
  });
}

/** Steps through what only wraps a mapping or a list: optional, nullable, and the length check of `list`. */
function unwrap(schema: z.core.$ZodType): Definition {
  const definition = schema._zod.def as Definition;
  const inner = definition.innerType ?? definition.out;
  return inner === undefined ? definition : unwrap(inner);
}
