import { PaletteKeysError, usageError } from '../errors.ts';
import { authDatabaseOf } from '../installation/mongodb-uri.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import type { Census } from '../ports/census.ts';
import type { TenantStore } from '../ports/tenant-store.ts';
import type { TenantAccess } from '../tenants/keyring.ts';
import type { CliPorts, DatabaseOptions, RotateOptions, TenantDatabase } from './ports.ts';
import { linesOf } from './secrets.ts';

/** The connection string that the flags give; undefined where they give none. Throws USAGE. */
export async function uriOf(
  { mongodbUri, mongodbUriFile, tenantStore }: DatabaseOptions & { readonly tenantStore?: boolean },
  ports: CliPorts,
): Promise<string | undefined> {
  if (mongodbUri !== undefined && mongodbUriFile !== undefined) {
    throw new PaletteKeysError('USAGE', '--mongodb-uri and --mongodb-uri-file exclude each other', {
      hint: 'take one of them',
    });
  }
  if (tenantStore === false && (mongodbUri ?? mongodbUriFile) !== undefined)
    throw usageError('--no-tenant-store and --mongodb-uri exclude each other', 'take one of them');
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

export function openTenants(
  access: TenantAccess,
  uri: string | undefined,
  options: DatabaseOptions,
  ports: CliPorts,
): Promise<TenantStore> {
  return ports.openTenantStore(databaseOf(access, access.spec, access.spec.mongodb.collection, uri), options);
}

export function openCensus(
  access: TenantAccess,
  collection: string,
  uri: string | undefined,
  options: DatabaseOptions,
  ports: CliPorts,
): Promise<Census> {
  return ports.openCensus(databaseOf(access, access.spec, collection, uri), options);
}

/** A collection of the platform's database, where the installation or `uri` says that it is. */
export function databaseOf(
  access: TenantAccess | undefined,
  { mongodb }: InstallationSpec,
  collection: string,
  uri = access?.database.uri ?? '',
): TenantDatabase {
  const { login, ca } = access?.database ?? {};
  return { uri, login, ...loginPlaceOf(mongodb.uri), ca, database: mongodb.database, collection };
}

/** Where services log in: the database, or by whose DNS record it is found. */
export function loginPlaceOf(uri: string | null): Pick<TenantDatabase, 'authSource' | 'srvUri'> {
  const authSource = authDatabaseOf(uri);
  return { authSource, srvUri: authSource === undefined ? (uri ?? undefined) : undefined };
}
