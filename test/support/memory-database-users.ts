/** Users of a database server in memory, for unit tests. */
import type { DatabaseAdmin, DatabaseUsers, Login, LoginAnswer, Session } from '../../src/ports/database-users.ts';
import { ledgerRef, objectIn } from './installations.ts';
import type { Snapshot } from './memory-store.ts';

interface User {
  password: string;
  roles: readonly string[];
}

export class MemoryDatabaseUsers implements DatabaseUsers {
  readonly users: Map<string, User>;
  /** What is open, by user. */
  readonly open = new Map<string, readonly Session[]>();
  /** Undefined: nobody has an administrator's credential. */
  admin: DatabaseAdmin | undefined;
  /** Called before every change of a user; what it throws is its failure. */
  beforeWrite: (deed: string) => void = () => undefined;
  readonly deeds: string[] = [];
  /** Members of the replica set, and what they do when they are to read their certificate again. */
  certificates: { members: readonly string[]; rotate(member: string): Promise<boolean> } = {
    members: [],
    rotate: async () => false,
  };
  /** True where the administrator's connection string is of another server. */
  elsewhere = false;
  /** Users who may not read the tenant keys. */
  readonly blind = new Set<string>();

  constructor(users: ReadonlyMap<string, User>) {
    this.users = new Map(users);
    this.admin = {
      location: 'memory',
      create: async ({ username, password }, like) => {
        if (this.users.has(username)) return 'exists';
        this.#write(`create ${username}`);
        this.users.set(username, { password, roles: this.users.get(like)?.roles ?? [] });
        return 'created';
      },
      accepts: async (login) => !this.elsewhere && (await this.tryLogin(login)).accepted,
      has: async (username) => this.users.has(username),
      sessions: async (username) => this.open.get(username) ?? [],
      drop: async (username) => {
        this.#write(`drop ${username}`);
        this.users.delete(username);
      },
      members: async () => this.certificates.members,
      rotateCertificates: (member) => this.certificates.rotate(member),
    };
  }

  async tryLogin({ username, password }: Login): Promise<LoginAnswer> {
    const user = this.users.get(username);
    if (user?.password !== password) return { accepted: false };
    return { accepted: true, roles: user.roles, reads: !this.blind.has(username) };
  }

  #write(deed: string): void {
    this.beforeWrite(deed);
    this.deeds.push(deed);
  }
}

/** The server that a new installation uses: its user, with the role that it needs. */
export function usersOf(snapshot: Snapshot): MemoryDatabaseUsers {
  const { username, password } = loginIn(snapshot, 1);
  return new MemoryDatabaseUsers(new Map([[username, { password, roles: ['readWrite on hubbledb'] }]]));
}

/** The login of a version, as the ledger has it. */
export function loginIn(snapshot: Snapshot, n: number): Login {
  const { data } = objectIn(snapshot, ledgerRef('mongodb-auth', n));
  const text = (name: string): string => Buffer.from(data[name] ?? []).toString();
  return { username: text('username'), password: text('password') };
}
