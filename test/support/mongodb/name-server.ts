/** A name server that node:dns asks in place of the system's, for connection strings with `mongodb+srv`. */
import { createSocket } from 'node:dgram';
import { getServers, setServers } from 'node:dns';

/** What a name server answers (RFC 1035, 4.1.1): it knows no such name; it does not want to. */
export const NO_SUCH_NAME = 3;
export const REFUSED = 5;

const TXT = 16;
const SRV = 33;

export interface NameServer {
  /** Questions so far. */
  readonly questions: number;
  stop(): void;
}

/** Answers every question for TXT with one record, or with none, and every other with a server (RFC 2782). */
export async function startNameServer(record: string | undefined, rcode = 0): Promise<NameServer> {
  const socket = createSocket('udp4');
  let questions = 0;
  socket.on('message', (question, { port, address }) => {
    questions += 1;
    const end = question.indexOf(0, 12) + 5;
    const type = question.readUInt16BE(end - 4);
    const text = Buffer.from(record ?? '');
    const server = Buffer.from('\0\0\0\0\x69\x89\x02h1\x07example\x04test\0', 'latin1');
    const data = type === SRV ? server : Buffer.from([text.length, ...text]);
    const isAnswered = rcode === 0 && (type === SRV || (type === TXT && record !== undefined));
    const header = Buffer.from(question.subarray(0, 12));
    header.writeUInt16BE(0x8180 + rcode, 2);
    header.writeUInt16BE(isAnswered ? 1 : 0, 6);
    header.writeUInt32BE(0, 8);
    // The name of the question, its type, IN, a second, and the data (RFC 1035, 3.2.1 and 3.3.14).
    const answer = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 1, 0, data.length, ...data]);
    socket.send(Buffer.concat([header, question.subarray(12, end), ...(isAnswered ? [answer] : [])]), port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const before = getServers();
  setServers([`127.0.0.1:${socket.address().port}`]);
  return {
    get questions() {
      return questions;
    },
    stop: () => {
      setServers(before);
      socket.close();
    },
  };
}
