import type * as z from 'zod/mini';

import type { installationSchema } from './schema.ts';

/** `T`, with every key there and nothing writable, all the way down. */
type Complete<T> = T extends readonly (infer E)[]
  ? readonly Complete<E>[]
  : T extends object
    ? { readonly [K in keyof T]-?: Complete<Exclude<T[K], undefined>> }
    : T;

/** With every default filled in; durations stay text. It holds no secrets. Meanings: `descriptions.ts`. */
export type InstallationSpec = Complete<z.output<typeof installationSchema>>;

export type ServiceSpec = InstallationSpec['serviceCertificates']['services'][number];

export type ConsumerSpec = InstallationSpec['consumers'][number];

/** `T` while it is being checked: what turned out invalid is undefined, everything else is complete. */
export type Draft<T> =
  | undefined
  | (T extends readonly (infer E)[]
      ? readonly Draft<E>[]
      : T extends object
        ? { readonly [K in keyof T]: Draft<T[K]> }
        : T);

export type SpecDraft = NonNullable<Draft<InstallationSpec>>;
