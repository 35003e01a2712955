import type { X509Certificate } from 'node:crypto';
import { type Duplex, duplexPair } from 'node:stream';
import { connect, createSecureContext, type SecureVersion, TLSSocket } from 'node:tls';
import { isIpAddress } from '../../host.ts';
import { asciiName, covers } from './host-name.ts';
import type { Link } from './path/link.ts';
import type { ImportedPair } from './types.ts';

/** A handshake that failed; `code` is OpenSSL's or Node's, never a message of theirs: those can quote input. */
export interface FailedProof {
  /** Undefined where none was asked for. */
  readonly name: string | undefined;
  readonly version: SecureVersion;
  readonly code: string;
}

const VERSIONS: readonly SecureVersion[] = ['TLSv1.2', 'TLSv1.3'];

/**
 * The handshake knows no time but the system's; the lint has judged dates before, at the time of the request. These
 * codes may hide an earlier objection, so path, signatures and usage were checked before.
 */
const DATE_CODES: ReadonlySet<string> = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);

/** Shakes hands in memory, with exactly the bytes that are to be stored, for each name, or without one, and version of TLS. */
export async function prove(
  pair: ImportedPair,
  leaf: Link,
  anchor: Link,
  names: readonly string[],
): Promise<FailedProof[]> {
  const failed: FailedProof[] = [];
  for (const name of names.length === 0 ? [undefined] : names) {
    for (const version of VERSIONS) {
      const code = await shakeHands(pair, leaf.x509, anchor, name === undefined ? undefined : asciiName(name), version);
      if (code !== undefined && !DATE_CODES.has(code)) failed.push({ name, version, code });
    }
  }
  return failed;
}

/** Undefined where it succeeded. */
async function shakeHands(
  pair: ImportedPair,
  leaf: X509Certificate,
  anchor: Link,
  name: string | undefined,
  version: SecureVersion,
): Promise<string | undefined> {
  const [serverEnd, clientEnd] = duplexPair();
  try {
    return await result(serverOn(serverEnd, pair, version), clientOn(clientEnd, anchor, name, version), leaf, name);
  } catch (error) {
    return codeOf(error);
  } finally {
    serverEnd.destroy();
    clientEnd.destroy();
  }
}

/** It knows no CA at all: OpenSSL would complete the chain from any that it knows, and ingress-nginx does not. */
function serverOn(end: Duplex, pair: ImportedPair, version: SecureVersion): TLSSocket {
  const secureContext = createSecureContext({
    ca: [],
    cert: Buffer.from(pair.certificate),
    key: Buffer.from(pair.key),
    minVersion: version,
    maxVersion: version,
  });
  return new TLSSocket(end as never, { isServer: true, secureContext });
}

/** Trusts one certificate only: any other, an intermediate say, would hide that the server does not send it. */
function clientOn(end: Duplex, anchor: Link, name: string | undefined, version: SecureVersion): TLSSocket {
  return connect({
    socket: end,
    ca: anchor.x509.toString(),
    // Where OpenSSL does not see a root in it, which differs from ours: it compares key identifiers.
    allowPartialTrustChain: !anchor.x509.checkIssued(anchor.x509),
    // SNI holds no addresses (RFC 6066, section 3).
    servername: name === undefined || isIpAddress(name) ? '' : name,
    minVersion: version,
    maxVersion: version,
    // The outcome is read from `authorized`; the names are compared below, more strictly than Node does.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
}

function result(
  server: TLSSocket,
  client: TLSSocket,
  leaf: X509Certificate,
  name: string | undefined,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const fail = (error: unknown): void => resolve(codeOf(error));
    for (const socket of [server, client]) {
      socket.on('error', fail);
      socket.once('close', () => resolve('CLOSED'));
    }
    client.once('secureConnect', () => resolve(judge(client, leaf, name)));
  });
}

function judge(client: TLSSocket, leaf: X509Certificate, name: string | undefined): string | undefined {
  const peer = client.getPeerX509Certificate();
  if (peer === undefined || !peer.raw.equals(leaf.raw)) return 'OTHER_CERTIFICATE';
  if (name !== undefined && !covers(peer, name)) return 'NAME_NOT_COVERED';
  return client.authorized ? undefined : codeOf({ code: client.authorizationError });
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[A-Z0-9_]+$/.test(code) ? code : 'UNKNOWN';
}
