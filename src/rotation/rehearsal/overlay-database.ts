import type { DatabaseAdmin, DatabaseUsers, Login, LoginAnswer } from '../../ports/database-users.ts';
import type { Random } from '../../ports/random.ts';
import type { FoundTenant, TenantStore } from '../../ports/tenant-store.ts';
import type { TenantAccess } from '../../tenants/keyring.ts';
import { examineTenant } from '../../tenants/plan/examine.ts';
import { wrapTenantKey } from '../../tenants/plan/wrap.ts';

export interface RehearsedUsers {
  readonly made: Map<string, { readonly login: Login; readonly like: string }>;
  readonly dropped: Set<string>;
  readonly answers: Map<string, LoginAnswer>;
}

export function overlayUsers(base: DatabaseUsers, users: RehearsedUsers): DatabaseUsers {
  const tryLogin = async (login: Login): Promise<LoginAnswer> => {
    const { username, password } = login;
    if (users.dropped.has(username)) return { accepted: false };
    const made = users.made.get(username);
    if (made === undefined) {
      const answer = await base.tryLogin(login);
      users.answers.set(username, answer);
      return answer;
    }
    const like = users.answers.get(made.like);
    return made.login.password === password && like?.accepted === true ? like : { accepted: false };
  };
  return { tryLogin, admin: base.admin === undefined ? undefined : overlayAdmin(base.admin, users) };
}

function overlayAdmin(base: DatabaseAdmin, { made, dropped }: RehearsedUsers): DatabaseAdmin {
  const has = async (username: string): Promise<boolean> =>
    !dropped.has(username) && (made.has(username) || (await base.has(username)));
  return {
    location: base.location,
    has,
    async create(login, like) {
      if (await has(login.username)) return 'exists';
      dropped.delete(login.username);
      made.set(login.username, { login, like });
      return 'created';
    },
    async accepts(login) {
      if (dropped.has(login.username)) return false;
      const own = made.get(login.username);
      return own === undefined ? base.accepts(login) : own.login.password === login.password;
    },
    sessions: async (username) => (made.has(username) || dropped.has(username) ? [] : base.sessions(username)),
    async drop(username) {
      made.delete(username);
      dropped.add(username);
    },
    members: () => base.members(),
    // What it serves is looked at, and that stays as it is.
    rotateCertificates: async () => true,
  };
}

/** Wrapped again each time they are read, once there is an `access`, so that memory stays constant. */
export function overlayTenants(base: TenantStore, access: () => TenantAccess | undefined, random: Random): TenantStore {
  const rewrapped = (found: FoundTenant): FoundTenant => {
    const now = access();
    const wrapKey = now?.keyring.wrapKeys.get(now.activeKid);
    if (now === undefined || wrapKey === undefined) return found;
    const examined = examineTenant(found, now.keyring);
    if (examined.failure !== undefined || examined.document.wrapped.kid === now.activeKid) return found;
    const { document, key } = examined;
    const wrapped = wrapTenantKey(document, key, { kid: now.activeKid, wrapKey, iv: random.bytes(12) });
    key.fill(0);
    return { ...found, wrapped };
  };
  const all = async function* (batches: AsyncIterable<readonly FoundTenant[]>) {
    for await (const batch of batches) yield batch.map(rewrapped);
  };
  return {
    location: base.location,
    scan(kids) {
      const active = access()?.activeKid;
      if (active === undefined) return base.scan(kids);
      // Under an old kid there is nothing any more, but what does not open.
      return all(kids === undefined || kids.includes(active) ? base.scan() : base.scan([]));
    },
    scanInOrder: () => all(base.scanInOrder()),
    get: async (ids) => (await base.get(ids)).map(rewrapped),
    copies: (ids) => base.copies(ids),
    async countByKid() {
      const counts = await base.countByKid();
      const now = access();
      if (now === undefined) return counts;
      const moved = new Map<string | undefined, number>();
      for (const [kid, count] of counts) {
        const isOpen = kid !== undefined && now.keyring.wrapKeys.has(kid);
        const to = isOpen ? now.activeKid : kid;
        moved.set(to, (moved.get(to) ?? 0) + count);
      }
      return moved;
    },
    add: () => Promise.reject(new Error('a rehearsal adds no tenant')),
    replace: () => Promise.reject(new Error('a rehearsal replaces no tenant key')),
    remove: () => Promise.reject(new Error('a rehearsal removes no tenant')),
    ensureIndex: async () => undefined,
    close: () => base.close(),
  };
}
