/**
 * A replica set of fake servers with users, roles, logins by SCRAM-SHA-256 and open sessions: what FerretDB has not, or
 * not all of. It follows MongoDB's documentation; it is not MongoDB.
 */
import { Long } from 'mongodb';
import { makeServerCertificate, type ServerCertificate } from '../cluster/certificate.ts';
import { fileWith } from '../program.ts';
import { type Command, type FakeConnection, type FakeMongodb, failed, startFakeMongodb } from './fake-server.ts';
import { ScramServer } from './scram.ts';

interface Role {
  readonly role: string;
  readonly db: string;
}

interface User {
  readonly password: string;
  readonly roles: readonly Role[];
  readonly authenticationRestrictions?: readonly object[];
  /** The database in which the user is; `admin` where it is not said. */
  readonly db?: string;
}

const databaseOf = ({ db = 'admin' }: User): string => db;

export class FakeDatabase {
  readonly users = new Map<string, User>();
  readonly members: FakeMongodb[] = [];
  /** True cuts every connection on which the command comes. */
  cuts: (command: Command) => boolean = () => false;
  /** What every member says of itself besides. */
  hello: object = {};
  /** What a member has in its files; undefined where it cannot read them again. */
  files: (() => Pick<ServerCertificate, 'certPem' | 'keyPem'>) | undefined;
  readonly #connections: { readonly member: number; readonly connection: FakeConnection }[] = [];
  readonly #logins = new ScramServer((name, db) => {
    const user = this.users.get(name);
    return user !== undefined && databaseOf(user) === db ? user.password : undefined;
  });
  #caFile = '';

  async start(members = 1, own?: ServerCertificate): Promise<this> {
    const certificate = own ?? (await makeServerCertificate());
    this.#caFile = fileWith(certificate.caPem, 'ca.pem');
    for (let member = 0; member < members; member += 1) {
      const answer = (command: Command, connection: FakeConnection) => this.#answer(command, connection, member);
      this.members.push(await startFakeMongodb(answer, () => ({ ...this.#hello(member), ...this.hello }), certificate));
    }
    return this;
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()));
  }

  host(member: number): string {
    return new URL(this.members[member]?.uri.replace('mongodb:', 'http:') ?? '').host;
  }

  /** A connection string; with `user`, with that login. */
  uri(user?: string): string {
    const login = user === undefined ? '' : `${user}:${encodeURIComponent(this.users.get(user)?.password ?? '')}@`;
    return `mongodb://${login}${this.host(0)}/?authSource=admin&tlsCAFile=${encodeURIComponent(this.#caFile)}`;
  }

  /** Commands of that name, to whichever member. */
  asked(name: string): readonly Command[] {
    return this.members.flatMap(({ commands }) => commands.filter((command) => name in command));
  }

  /** Commands of now on are those that were `asked`. */
  forget(): void {
    for (const { commands } of this.members) commands.length = 0;
  }

  #hello(member: number): object {
    if (this.members.length < 2) return {};
    const hosts = this.members.map((_, index) => this.host(index));
    const isPrimary = member === 0;
    return {
      setName: 'rs',
      hosts,
      primary: hosts[0],
      isWritablePrimary: isPrimary,
      secondary: !isPrimary,
      setVersion: 1,
    };
  }

  #answer(command: Command, connection: FakeConnection, member: number): object | undefined {
    if (this.cuts(command)) return undefined;
    if ('saslStart' in command) connection.db = String(command['$db']);
    const login = this.#logins.answer(command, connection);
    if ('saslContinue' in command && connection.user !== undefined) this.#connections.push({ member, connection });
    if (login !== undefined) return login;
    const user = this.users.get(connection.user ?? '');
    if ('ping' in command) return {};
    if (user === undefined) return failed(13, 'not authorized');
    const may = (...names: readonly string[]) => user.roles.some(({ role }) => names.includes(role));
    const db = String(command['$db']);
    if ('connectionStatus' in command) return { authInfo: { authenticatedUserRoles: user.roles } };
    if ('find' in command) {
      const reads = user.roles.some((each) => each.db === db && ['read', 'readWrite'].includes(each.role));
      return reads ? { cursor: { id: Long.ZERO, ns: `${db}.c`, firstBatch: [] } } : failed(13, 'not authorized');
    }
    if ('aggregate' in command) {
      if (!may('clusterMonitor')) return failed(13, 'not authorized');
      const { level } = (command['readConcern'] ?? { level: 'local' }) as { readonly level?: string };
      if (level !== 'local') return failed(72, '$currentOp does not support that read concern');
      return { cursor: { id: Long.ZERO, ns: 'admin.$cmd.aggregate', firstBatch: this.#operations(member) } };
    }
    if ('rotateCertificates' in command) {
      if (this.files === undefined) return failed(59, "no such command: 'rotateCertificates'");
      if (!may('hostManager')) return failed(13, 'not authorized');
      this.members[member]?.serve(this.files());
      return {};
    }
    if (!may('userAdminAnyDatabase')) return failed(13, 'not authorized');
    if (member > 0) return failed(10_107, 'not primary');
    return this.#manage(command);
  }

  #manage(command: Command): object {
    const name = String(command['createUser'] ?? command['dropUser'] ?? '');
    if ('usersInfo' in command) {
      const { user, db } = command['usersInfo'] as { readonly user: string; readonly db: string };
      const found = this.users.get(user);
      if (found === undefined || databaseOf(found) !== db) return { users: [] };
      const { roles, authenticationRestrictions = [] } = found;
      return { users: [{ _id: `${db}.${user}`, user, db, roles, authenticationRestrictions }] };
    }
    if ('createUser' in command) {
      if (this.users.has(name)) return failed(51_003, `User "${name}@admin" already exists`);
      const { pwd, roles, authenticationRestrictions } = command as unknown as User & { readonly pwd: string };
      const db = String(command['$db']);
      this.users.set(name, {
        ...{ password: pwd, roles, ...(authenticationRestrictions && { authenticationRestrictions }) },
        ...(db === 'admin' ? {} : { db }),
      });
      return {};
    }
    if ('dropUser' in command) {
      const user = this.users.get(name);
      const isThere = user !== undefined && databaseOf(user) === command['$db'];
      return isThere && this.users.delete(name) ? {} : failed(11, `User '${name}' not found`);
    }
    return failed(59, 'no such command');
  }

  #operations(member: number): readonly object[] {
    return this.#connections
      .filter((each) => each.member === member && each.connection.open())
      .map(({ connection: { user, db, appName } }) => ({
        client: '10.0.0.7:51234',
        ...(appName === undefined ? {} : { appName }),
        effectiveUsers: [{ user, db }],
      }));
  }
}
