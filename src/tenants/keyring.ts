import { notInstalled, PaletteKeysError } from '../errors.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import { mongodbUri } from '../inventory/kinds/mongodb-uri.ts';
import { ROOT_KEY } from '../ledger/kind-id.ts';
import type { InstallationRecord } from '../ledger/record.ts';
import { acceptedOf, activeOf, type Rings, type RingVersion, ringOf, type State } from '../ledger/ring.ts';
import { entry, textEntry } from '../ledger/text.ts';
import type { Clock } from '../ports/clock.ts';
import type { Login } from '../ports/database-users.ts';
import type { KeyStore } from '../ports/key-store.ts';
import type { TenantStore } from '../ports/tenant-store.ts';
import { type Comparison, compare, ringsOfLedger } from '../reconcile/plan/compare/compare.ts';
import { COMPLETE } from '../reconcile/plan/intent.ts';
import { readInstallation } from '../reconcile/read/read-installation.ts';
import { wipe } from '../reconcile/read/wipe.ts';
import { readBack } from '../reconcile/write/record.ts';
import { type TenantKeyring, tenantKeyring } from './plan/wrap.ts';

/** What work on tenant keys needs of the installation. It holds keys, and never leaves the process. */
export interface TenantAccess {
  readonly record: InstallationRecord;
  readonly spec: InstallationSpec;
  readonly keyring: TenantKeyring;
  /** The kid of the root key that wraps. */
  readonly activeKid: string;
  /** How the platform's services reach the database, with the credentials of `palette-mongodb-auth`. */
  readonly database: {
    readonly uri: string;
    readonly login: Login;
    /** PEM: every trusted internal CA. */
    readonly ca: string;
  };
}

/** How one gets to the database of the tenant keys; undefined where neither the spec nor the operator names it. */
export type TenantDatabase = (spec: InstallationSpec) => ((access: TenantAccess) => Promise<TenantStore>) | undefined;

/** Throws NOT_INSTALLED, REFUSED where the ledger is not whole, and USAGE where `namespace` (`-n`) is another's. */
export async function readTenantAccess(
  { store, clock }: { readonly store: KeyStore; readonly clock: Clock },
  ledgerNamespace: string | undefined,
  namespace?: string,
): Promise<TenantAccess> {
  const snapshot = await readInstallation(store, { spec: undefined, namespace, ledgerNamespace });
  const comparison = await compare(snapshot, COMPLETE, clock.now());
  const hint = 'palette-keys init makes one; tenant keys are wrapped by its root key';
  if (comparison.installationId === undefined) throw notInstalled(store, hint);
  const access = accessIn(comparison);
  wipe(comparison);
  return access;
}

/** The same of an installation that was read before. Throws REFUSED where it is not whole. */
export function accessIn({ record: view, ledger }: Comparison): TenantAccess {
  if (view.status !== 'sound') throw notWhole('the record');
  const { record } = view;
  const rings = ringsOfLedger(ledger, view);
  for (const kind of [ROOT_KEY, 'mongodb-auth', 'internal-ca'] as const) {
    const recorded = (record.keys[kind]?.versions ?? []).filter(
      ({ state }) => state !== 'retired' && state !== 'destroyed',
    );
    const ring = rings.get(kind) ?? [];
    if (recorded.length === 0 || recorded.some(({ kid }) => ring.every(({ facts }) => facts.kid !== kid))) {
      throw notWhole(`the ledger of ${kind}`);
    }
  }
  const rootKeys = ringOf(rings, ROOT_KEY);
  const login = loginOf(activeOf(ringOf(rings, 'mongodb-auth')));
  return {
    record,
    spec: record.spec,
    keyring: tenantKeyring(rootKeys, record.keys[ROOT_KEY]?.versions ?? []),
    activeKid: activeOf(rootKeys).facts.kid,
    database: { uri: mongodbUri(record.spec, login.username, login.password), login, ca: authoritiesOf(rings) },
  };
}

export function loginOf({ material }: RingVersion): Login {
  return { username: textEntry(material.entries, 'username'), password: textEntry(material.entries, 'password') };
}

/** PEM: every trusted internal CA, who vouch for the database. */
export function authoritiesOf(rings: Rings): string {
  const authorities = acceptedOf(rings.get('internal-ca') ?? []).map(({ material }) =>
    entry(material.entries, 'tls.crt'),
  );
  return Buffer.concat(authorities).toString('latin1');
}

/** Throws CONFLICT where another root key has become the active one: what would be wrapped now, would be wrapped by an old one. */
export async function confirmActive({ record, activeKid }: TenantAccess, store: KeyStore): Promise<void> {
  const now = await readBack(store, record.spec.ledgerNamespace);
  const state = now?.record.keys[ROOT_KEY]?.versions.find(({ kid }) => kid === activeKid)?.state;
  if (state === 'active') return;
  throw new PaletteKeysError(
    'CONFLICT',
    `the root key was rotated meanwhile: ${activeKid} is ${state ?? 'not in the record'} by now, and may wrap what this run wrote`,
    { hint: howToGoOn(activeKid, state) },
  );
}

/** What helps where a root key in that state may wrap tenant keys that were just written. */
function howToGoOn(kid: string, state: State | undefined): string {
  if (state === 'trusted' || state === 'published')
    return 'palette-keys tenant rewrap wraps them by the active one; no key is lost. Then run the command again';
  if (state === 'retired')
    return `palette-keys rotate root-key --reinstate ${kid} takes it back and wraps them by the active one; no key is lost. Then run the command again`;
  return 'palette-keys tenant verify names what it wraps, which opens no more: remove new tenants and add them again; restore others from a dump of the database';
}

function notWhole(what: string): PaletteKeysError {
  return new PaletteKeysError('REFUSED', `${what} is not whole: tenant keys cannot be judged without it`, {
    hint: 'palette-keys status says what is wrong; palette-keys init repairs what can be repaired',
  });
}
