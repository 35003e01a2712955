import type { TenantAccess } from '../apply/tenant-keyring.ts';
import { PaletteKeysError } from '../errors.ts';
import type { TenantStore } from '../ports/tenant-store.ts';
import type { CliPorts, DatabaseOptions, RotateOptions } from './ports.ts';
import { linesOf } from './secrets.ts';

/** The connection string that the flags give; undefined where they give none. Throws USAGE. */
export async function uriOf(
  { mongodbUri, mongodbUriFile }: DatabaseOptions,
  ports: CliPorts,
): Promise<string | undefined> {
  if (mongodbUri !== undefined && mongodbUriFile !== undefined) {
    throw new PaletteKeysError('USAGE', '--mongodb-uri and --mongodb-uri-file exclude each other', {
      hint: 'take one of them',
    });
  }
  if (mongodbUriFile === undefined) return mongodbUri;
  const [uri] = await linesOf(mongodbUriFile, ports);
  return uri ?? '';
}

/** The administrator's connection string; undefined where no file of one is named. Throws USAGE. */
export async function adminUriOf(
  { mongodbAdminUriFile }: Pick<RotateOptions, 'mongodbAdminUriFile'>,
  ports: CliPorts,
): Promise<string | undefined> {
  if (mongodbAdminUriFile === undefined) return undefined;
  const [uri] = await linesOf(mongodbAdminUriFile, ports);
  return uri ?? '';
}

/** Connects to the database of the installation, or to where `uri` says. */
export function openTenants(
  access: TenantAccess,
  uri: string | undefined,
  options: DatabaseOptions,
  ports: CliPorts,
): Promise<TenantStore> {
  const { database, collection } = access.spec.mongodb;
  return ports.openTenantStore(
    { ...access.database, ...(uri === undefined ? {} : { uri }), database, collection },
    options,
  );
}
