/**
 * Users of the database server, and what an administrator does to it: a port with one adapter (MongoDB) and one in memory for tests. Failures throw
 * PaletteKeysError, with no credentials in it.
 */

export interface Login {
  readonly username: string;
  readonly password: string;
}

/** What came of a login: refused, or what the user may do. */
export type LoginAnswer =
  | { readonly accepted: false }
  | {
      readonly accepted: true;
      /** In words: `readWrite on hubbledb`. */
      readonly roles: readonly string[];
      /** Whether it may read the documents of the tenant keys. */
      readonly reads: boolean;
    };

/** Connections that one client has open with one member of the replica set. */
export interface Session {
  /** What the client calls itself, and its address; it may say what it likes. */
  readonly client: string;
  /** `host:port` of the member. */
  readonly member: string;
}

export interface DatabaseUsers {
  /** Logs in on a connection of its own, and hangs up. */
  tryLogin(login: Login): Promise<LoginAnswer>;

  /** There where an administrator's credential was given. */
  readonly admin: DatabaseAdmin | undefined;
}

export interface DatabaseAdmin {
  /** For people: hosts; no credentials. */
  readonly location: string;

  /**
   * With the roles of another; never changes one that is there. REFUSED where `like` is missing. Majority on return.
   */
  create(login: Login, like: string): Promise<'created' | 'exists'>;

  /** Whether the server of the administrator's connection string takes a login: it may be another than the one asked. */
  accepts(login: Login): Promise<boolean>;

  /** Whether there is a user of that name, whatever its password. */
  has(username: string): Promise<boolean>;

  /** Connections, idle ones too, that were logged in as the user, on every member; those of this program do not count. */
  sessions(username: string): Promise<readonly Session[]>;

  /** Does nothing where there is no such user. */
  drop(username: string): Promise<void>;

  /** `host:port` of every member of the replica set that keeps data. Throws REFUSED for a sharded cluster. */
  members(): Promise<readonly string[]>;

  /** Has a member read its certificate from its files again; false where it cannot while it runs. */
  rotateCertificates(member: string): Promise<boolean>;
}
