/** The server's side of a login by SCRAM-SHA-256, for the fakes. RFC 5802, section 3, with SHA-256 (RFC 7677). */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import { Binary } from 'mongodb';
import { type Command, type FakeConnection, failed } from './fake-server.ts';

const ITERATIONS = 4096;

interface Conversation {
  readonly name: string;
  readonly salt: Buffer;
  /** Both first messages. */
  readonly said: string;
}

/** `db`: on which the login began, where somebody keeps that. */
type PasswordOf = (user: string, db: string | undefined) => string | undefined;

export class ScramServer {
  readonly #passwordOf: PasswordOf;
  readonly #conversations = new WeakMap<FakeConnection, Conversation>();

  constructor(passwordOf: PasswordOf) {
    this.#passwordOf = passwordOf;
  }

  /** The reply to a command of a login, which names the user of the connection where it succeeds; undefined for others. */
  answer(command: Command, connection: FakeConnection): object | undefined {
    if ('saslStart' in command) return this.#start(command, connection);
    if ('saslContinue' in command) return this.#continue(command, connection);
    return undefined;
  }

  #start({ payload }: Command, connection: FakeConnection): object {
    const bare = String((payload as Binary).toString('utf8')).replace(/^n,,/, '');
    const [, name = '', nonce = ''] = /^n=([^,]*),r=(.*)$/.exec(bare) ?? [];
    const salt = randomBytes(16);
    const first = `r=${nonce}${randomBytes(18).toString('base64')},s=${salt.toString('base64')},i=${ITERATIONS}`;
    this.#conversations.set(connection, { name, salt, said: `${bare},${first}` });
    return { conversationId: 1, done: false, payload: new Binary(Buffer.from(first)) };
  }

  #continue({ payload }: Command, connection: FakeConnection): object {
    const conversation = this.#conversations.get(connection);
    const password = this.#passwordOf(conversation?.name ?? '', connection.db);
    if (conversation === undefined || password === undefined) return failed(18, 'Authentication failed.');
    const text = String((payload as Binary).toString('utf8'));
    const [before = '', proof = ''] = text.split(',p=');
    const message = `${conversation.said},${before}`;
    const salted = pbkdf2Sync(password, conversation.salt, ITERATIONS, 32, 'sha256');
    const clientKey = hmac(salted, 'Client Key');
    const signature = hmac(createHash('sha256').update(clientKey).digest(), message);
    const expected = clientKey.map((byte, at) => byte ^ (signature[at] ?? 0));
    if (!timingSafeEqual(expected, Buffer.from(proof, 'base64'))) return failed(18, 'Authentication failed.');
    connection.user = conversation.name;
    const verifier = hmac(hmac(salted, 'Server Key'), message).toString('base64');
    return { conversationId: 1, done: true, payload: new Binary(Buffer.from(`v=${verifier}`)) };
  }
}

const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest();
