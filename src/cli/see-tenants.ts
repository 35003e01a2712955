import type { InstallationSpec } from '../installation/spec.ts';
import type { TenantsSeen } from '../reconcile/plan/snapshot.ts';
import type { TenantAccess } from '../tenants/keyring.ts';
import { seeTenants } from '../tenants/see.ts';
import type { CliPorts, DatabaseOptions } from './ports.ts';
import { databaseOf } from './tenant-database.ts';

/** Who did not name the database on the command line does not wait long for it. */
const HURRIED_MS = 2000;

/** `access` has the credentials. A database that only the spec names may not be there yet: that is no failure. */
export async function lookAtTenants(
  spec: InstallationSpec,
  uri: string | undefined,
  options: DatabaseOptions,
  access: () => Promise<TenantAccess | undefined>,
  ports: CliPorts,
): Promise<TenantsSeen | undefined> {
  if (uri === undefined && spec.mongodb.uri === null) return undefined;
  const { collection } = spec.mongodb;
  return seeTenants(
    (found) => {
      if (uri !== undefined) return ports.openTenantStore(databaseOf(found, spec, collection, uri), options);
      if (found === undefined) return undefined;
      const place = databaseOf(found, spec, collection, undefined);
      return ports.openTenantStore({ ...place, withinMs: HURRIED_MS }, options);
    },
    uri === undefined,
    await access(),
  );
}
