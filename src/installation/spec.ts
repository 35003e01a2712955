import type * as z from 'zod/mini';

import type { installationSchema } from './schema.ts';

/** `T`, with every key there and nothing writable, all the way down. */
type Complete<T> = T extends readonly (infer E)[]
  ? readonly Complete<E>[]
  : T extends object
    ? { readonly [K in keyof T]-?: Complete<Exclude<T[K], undefined>> }
    : T;

/**
 * What `palette-keys.yaml` asks for, with every default filled in, those of nested mappings, services and consumers
 * too. Durations stay text (`24h`, see `parseDuration`). It holds no secrets: the record keeps the whole of it.
 * What each field means stands in `descriptions.ts`.
 */
export type InstallationSpec = Complete<z.output<typeof installationSchema>>;

/** One entry of `serviceCertificates.services`. */
export type ServiceSpec = InstallationSpec['serviceCertificates']['services'][number];

/** One entry of `consumers`. */
export type ConsumerSpec = InstallationSpec['consumers'][number];

/** `T` while it is being checked: what turned out invalid is undefined, everything else is complete. */
export type Draft<T> =
  | undefined
  | (T extends readonly (infer E)[]
      ? readonly Draft<E>[]
      : T extends object
        ? { readonly [K in keyof T]: Draft<T[K]> }
        : T);

/** A spec while it is being checked. */
export type SpecDraft = NonNullable<Draft<InstallationSpec>>;
