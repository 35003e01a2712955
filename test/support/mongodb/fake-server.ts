/**
 * A server that speaks as much of MongoDB's protocol as a test says: OP_MSG over TLS (no login, no storage). For what
 * FerretDB has not: replica sets without a primary, roles, a full disk, read and write concerns. With logins, roles and
 * sessions it is in fake-database.ts.
 */
import { createServer, type TLSSocket } from 'node:tls';
import { BSON } from 'mongodb';
import { makeServerCertificate, type ServerCertificate } from '../cluster/certificate.ts';
import { portOf } from '../cluster/wait.ts';

export type Command = Readonly<Record<string, unknown>>;

export interface FakeMongodb {
  readonly uri: string;
  readonly caPem: string;
  /** All but those of the driver itself; none where it was told to forget them. */
  readonly commands: Command[];
  /** Serves another certificate from now on. */
  serve(certificate: Pick<ServerCertificate, 'certPem' | 'keyPem'>): void;
  stop(): Promise<void>;
}

/** The reply that never comes. */
export const SILENCE = {};

const HEADER_BYTES = 16;
const OP_MSG = 2013;

/** What a test wants to know of one connection; the same object for all its commands. */
export interface FakeConnection {
  readonly open: () => boolean;
  /** What the client calls itself. */
  appName: string | undefined;
  user: string | undefined;
  /** The database of its login. */
  db: string | undefined;
}

/** The reply of a server that refuses a command. */
export const failed = (code: number, errmsg: string): object => ({ ok: 0, code, errmsg });

/** `answer` gives the reply to a command, bytes being the whole of it in BSON; or undefined to cut the connection; so does `hello`. */
export async function startFakeMongodb(
  answer: (command: Command, connection: FakeConnection) => object | undefined,
  hello: object | (() => object | undefined) = {},
  certificate?: ServerCertificate,
  remembers = true,
): Promise<FakeMongodb> {
  const { certPem, keyPem, caPem } = certificate ?? (await makeServerCertificate());
  const commands: Command[] = [];
  const sockets = new Set<TLSSocket>();
  const known = (said = typeof hello === 'function' ? hello() : hello) =>
    said && {
      isWritablePrimary: true,
      maxBsonObjectSize: 16_777_216,
      maxMessageSizeBytes: 48_000_000,
      maxWriteBatchSize: 100_000,
      minWireVersion: 0,
      maxWireVersion: 21,
      ...said,
    };
  const reply = (command: Command, connection: FakeConnection): object | undefined => {
    if ('hello' in command || 'ismaster' in command) {
      connection.appName ??= nameIn(command);
      return known();
    }
    if ('endSessions' in command) return {};
    if (remembers) commands.push(command);
    return answer(command, connection);
  };
  const server = createServer({ cert: certPem, key: keyPem }, (socket) => {
    sockets.add(socket.on('error', () => undefined));
    const connection = { open: () => !socket.destroyed, appName: undefined, user: undefined, db: undefined };
    let waiting = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      waiting = Buffer.concat([waiting, chunk]);
      while (waiting.length >= HEADER_BYTES && waiting.length >= waiting.readInt32LE(0)) {
        const message = waiting.subarray(0, waiting.readInt32LE(0));
        waiting = waiting.subarray(message.length);
        const body = reply(readMessage(message), connection);
        if (body === undefined) return void socket.destroy();
        if (body === SILENCE) continue;
        const document = body instanceof Uint8Array ? body : BSON.serialize({ ok: 1, ...body });
        socket.write(makeMessage(document, message.readInt32LE(4)));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  // Without a login of its own: the fake has none, and what refuses one is tested on FerretDB.
  const serve: FakeMongodb['serve'] = (other) => server.setSecureContext({ cert: other.certPem, key: other.keyPem });
  return { uri: `mongodb://localhost:${portOf(server)}/`, caPem, commands, serve, stop };
}

function nameIn(hello: Command): string | undefined {
  const { application } = (hello['client'] ?? {}) as { readonly application?: { readonly name?: string } };
  return application?.name;
}

/** The command of an OP_MSG, or of the OP_QUERY that a driver greets with; documents of kind 1 under their name. */
function readMessage(message: Buffer): Command {
  if (message.readInt32LE(12) !== OP_MSG) {
    const at = message.indexOf(0, HEADER_BYTES + 4) + 9;
    return BSON.deserialize(message.subarray(at, at + message.readInt32LE(at)));
  }
  let command: Record<string, unknown> = {};
  for (let at = HEADER_BYTES + 4; at < message.length; ) {
    const kind = message[at];
    const size = message.readInt32LE(at + 1);
    const section = message.subarray(at + 1, at + 1 + size);
    if (kind === 0) command = { ...command, ...BSON.deserialize(section) };
    else {
      const end = section.indexOf(0, 4);
      const documents: object[] = [];
      for (let inside = end + 1; inside < size; inside += section.readInt32LE(inside)) {
        documents.push(BSON.deserialize(section.subarray(inside, inside + section.readInt32LE(inside))));
      }
      command[section.toString('utf8', 4, end)] = documents;
    }
    at += 1 + size;
  }
  return command;
}

function makeMessage(document: Uint8Array, responseTo: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES + 5);
  header.writeInt32LE(header.length + document.length, 0);
  header.writeInt32LE(responseTo, 8);
  header.writeInt32LE(OP_MSG, 12);
  return Buffer.concat([header, document]);
}
