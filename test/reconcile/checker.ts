/**
 * Proves what a store holds, without the code under test: kids, chains and key sets are computed again with node:crypto.
 * What it says is empty for a complete installation.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  verify,
  X509Certificate,
} from 'node:crypto';
import type { InstallationSpec } from '../../src/installation/spec.ts';
import type { StoredObject } from '../../src/ports/key-store.ts';
import { formatRef } from '../../src/ports/object-ref.ts';
import type { Snapshot } from '../support/memory-store.ts';

type Data = StoredObject['data'];

interface Version {
  readonly kind: string;
  readonly n: number;
  readonly kid: string;
  readonly state: string;
  readonly data: Data;
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** RFC 4648, section 6, one bit at a time. */
export function slowBase32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? []).map((five) => ALPHABET.charAt(Number.parseInt(five.padEnd(5, '0'), 2))).join('');
}

function kidOfBytes(bytes: Uint8Array): string {
  return slowBase32(createHash('sha256').update(bytes).digest().subarray(0, 10));
}

export function kidOfSecret(kind: string, secret: Uint8Array): string {
  return kidOfBytes(new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(), `palette-keys/kid/${kind}`, 32)));
}

export function kidOfKey(key: KeyObject): string {
  return kidOfBytes((key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' }));
}

function kidOfMaterial(kind: string, data: Data): string {
  if (kind === 'mongodb-auth') {
    const parts = ['username', 'password', 'keyfile'].map((name) => Buffer.from(data[name] ?? []));
    const framed = parts.flatMap((part) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(part.length);
      return [length, part];
    });
    return kidOfSecret(kind, Buffer.concat(framed));
  }
  const pem = data['key.pem'];
  return pem === undefined ? kidOfSecret(kind, data['key'] ?? new Uint8Array()) : kidOfKey(createPrivateKey(text(pem)));
}

/** How many versions of each kind there should be, where it is not one. */
export type Versions = Readonly<Record<string, number>>;

const KINDS = [
  'root-key',
  'jwt-signing-key',
  'hash-salt',
  'internal-ca',
  'mongodb-auth',
  'cluster-ca',
  'message-bus-operator',
  'message-bus-signing-key',
  'message-bus-system-account',
];

const isOfBus = (kind: string): boolean => kind.startsWith('message-bus-');

/** Everything that is wrong with a complete installation; `versions` says where a kind has more than one. */
export function faultsOf(snapshot: Snapshot, spec: InstallationSpec, versions: Versions = {}): readonly string[] {
  return new Checker(snapshot, spec, versions).faults;
}

class Checker {
  readonly faults: string[] = [];
  readonly #objects: ReadonlyMap<string, StoredObject>;
  readonly #spec: InstallationSpec;
  readonly #rings = new Map<string, readonly Version[]>();
  /** Without a message bus there are its keys only where there was one. */
  #kinds: readonly string[] = KINDS;
  #generation = 0;
  #installationId = '';

  constructor(snapshot: Snapshot, spec: InstallationSpec, versions: Versions) {
    this.#spec = spec;
    this.#objects = new Map(
      snapshot.objects.flatMap((object) => (object.damage === undefined ? [[formatRef(object.ref), object]] : [])),
    );
    this.#attempt('record', () => this.#record(versions));
    if (this.faults.length > 0) return;
    this.#attempt('symmetric keys', () => this.#symmetric());
    this.#attempt('jwt-signing-key', () => this.#jwt());
    this.#attempt('certificates', () => this.#certificates());
    this.#attempt('mongodb-auth', () => this.#mongodb());
    if (spec.messageBus !== null) this.#attempt('message bus', () => this.#messageBus());
    this.#attempt('audit', () => this.#audit());
  }

  #attempt(what: string, check: () => void): void {
    try {
      check();
    } catch (error) {
      this.faults.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #expect(fits: boolean, what: string): void {
    if (!fits) this.faults.push(what);
  }

  #record(meant: Versions): void {
    const { ledgerNamespace } = this.#spec;
    const object = this.#object(`ConfigMap/${ledgerNamespace}/palette-keys-installation`, undefined);
    const record = JSON.parse(text(object['record.json']));
    this.#generation = record.generation;
    this.#installationId = record.installationId;
    this.#expect(record.schemaVersion === 3 && record.ready === true, 'the record is not ready');
    this.#expect(JSON.stringify(record.spec) === JSON.stringify(this.#spec), 'the record has another spec');
    this.#kinds = KINDS.filter((kind) => kind in record.keys || this.#spec.messageBus !== null || !isOfBus(kind));
    for (const kind of this.#kinds) {
      const recorded = record.keys[kind]?.versions ?? [];
      this.#expect(recorded.length === (meant[kind] ?? 1), `the record has ${recorded.length} versions of ${kind}`);
      const active = recorded.filter(({ state }: Version) => state === 'active').length;
      this.#expect(active === 1, `${active} versions of ${kind} are active`);
      const ring = recorded.map((version: Version & { createdAt: string }) => this.#version(kind, version));
      this.#rings.set(kind, ring);
      const prefix = `Secret/${ledgerNamespace}/${this.#spec.namePrefix}key-${kind}-v`;
      const there = [...this.#objects.keys()].filter((place) => place.startsWith(prefix));
      this.#expect(there.length === ring.length, `the ledger has ${there.length} versions of ${kind}`);
    }
  }

  #version(kind: string, recorded: Version & { readonly createdAt: string }): Version {
    const { n, kid, state, createdAt } = recorded;
    const place = `Secret/${this.#spec.ledgerNamespace}/${this.#spec.namePrefix}key-${kind}-v${n}`;
    const data = this.#object(place, 'Opaque');
    this.#expect(this.#objects.get(place)?.immutable === true, `${place} is not immutable`);
    this.#expect(text(data['kind']) === kind, `${place} has another kind`);
    this.#expect(text(data['kid']) === kid, `${place} has another kid than the record`);
    this.#expect(text(data['createdAt']) === createdAt, `${place} has another date than the record`);
    this.#expect(kidOfMaterial(kind, data) === kid, `${place} holds another key than its kid says`);
    return { kind, n, kid, state, data };
  }

  /** The entries of an object, whose metadata are checked. */
  #object(place: string, type: string | undefined): Data {
    const object = this.#objects.get(place);
    if (object === undefined) throw new Error(`${place} is missing, or damaged`);
    const { labels, annotations } = object;
    this.#expect(object.type === type, `${place} is of type ${object.type}`);
    this.#expect(labels['app.kubernetes.io/managed-by'] === 'palette-keys', `${place} is not labelled as ours`);
    const id = labels['palette-keys.dev/installation'];
    this.#installationId ||= id ?? '';
    this.#expect(id === this.#installationId, `${place} belongs to ${id}`);
    this.#expect(annotations['helm.sh/resource-policy'] === 'keep', `${place} is not kept by Helm`);
    return object.data;
  }

  #projection(name: string, type: string | undefined, namespace = this.#spec.namespace): Data {
    const place = `${type === undefined ? 'ConfigMap' : 'Secret'}/${namespace}/${name}`;
    const data = this.#object(place, type);
    const generation = Number(this.#objects.get(place)?.annotations['palette-keys.dev/generation']);
    this.#expect(generation >= 1 && generation <= this.#generation, `${place} is of generation ${generation}`);
    return data;
  }

  #accepted(kind: string): readonly Version[] {
    return (this.#rings.get(kind) ?? []).filter(({ state }) => ['published', 'active', 'trusted'].includes(state));
  }

  #active(kind: string): Version {
    const active = this.#accepted(kind).find(({ state }) => state === 'active');
    if (active === undefined) throw new Error(`no active version of ${kind}`);
    return active;
  }

  #symmetric(): void {
    for (const [kind, entry] of [
      ['root-key', 'key'],
      ['hash-salt', 'salt'],
    ] as const) {
      const name = `${this.#spec.namePrefix}${kind}`;
      const data = this.#projection(name, 'Opaque');
      const active = this.#active(kind);
      this.#expect(same(data[entry], active.data['key']), `${name} does not hold the active key`);
      this.#expect(text(data['kid']) === active.kid, `${name} has another kid`);
      this.#keyring(name, data, kind);
    }
  }

  #keyring(name: string, data: Data, kind: string): void {
    const { active, keys } = JSON.parse(text(data['keyring.json']));
    const found = keys.map(({ kid, k, state }: Record<string, string>) => [kid, k, state]);
    const wanted = this.#accepted(kind)
      .filter((version) => version.data['key'] !== undefined)
      .map((version) => [version.kid, Buffer.from(version.data['key'] ?? []).toString('base64url'), version.state]);
    this.#expect(JSON.stringify(found) === JSON.stringify(wanted), `the keyring of ${name} is not that of the ledger`);
    const isSecret = this.#active(kind).data['key'] !== undefined;
    this.#expect(
      active === (isSecret ? this.#active(kind).kid : null),
      `the keyring of ${name} has another active key`,
    );
  }

  #jwt(): void {
    const { namePrefix } = this.#spec;
    const data = this.#projection(`${namePrefix}jwt-signing-key`, 'Opaque');
    const active = this.#active('jwt-signing-key');
    const alg = text(active.data['alg']);
    this.#expect(text(data['alg']) === alg, 'the JWT key has another alg');
    this.#expect(text(data['kid']) === active.kid, 'the JWT key has another kid');
    const signing = alg.startsWith('HS') ? data['key'] : data['signing-key.pem'];
    this.#expect(same(signing, active.data['key'] ?? active.data['key.pem']), 'the JWT key is not the active one');
    const accepted = this.#accepted('jwt-signing-key');
    const asymmetric = accepted.filter(({ data: { 'key.pem': pem } }) => pem !== undefined);
    if (accepted.length > asymmetric.length) this.#keyring(`${namePrefix}jwt-signing-key`, data, 'jwt-signing-key');
    if (asymmetric.length > 0) this.#jwks(data, asymmetric);
  }

  #jwks(data: Data, asymmetric: readonly Version[]): void {
    const jwks = this.#projection(`${this.#spec.namePrefix}jwks`, undefined);
    for (const set of [data, jwks]) {
      const { keys } = JSON.parse(text(set['jwks.json']));
      const kids = keys.map((jwk: never) => kidOfKey(createPublicKey({ key: jwk, format: 'jwk' })));
      const wanted = asymmetric.map(({ kid }) => kid);
      this.#expect(JSON.stringify(kids) === JSON.stringify(wanted), 'the JWK Set is not that of the ledger');
      this.#expect(!JSON.stringify(keys).includes('"d"'), 'the JWK Set holds a private key');
    }
  }

  #certificates(): void {
    const { namePrefix, namespace, serviceCertificates, mongodb, grpc, messageBus } = this.#spec;
    for (const kind of ['internal-ca', 'cluster-ca']) {
      for (const { data, n } of this.#rings.get(kind) ?? []) {
        const ca = new X509Certificate(text(data['tls.crt']));
        const sound = ca.ca && ca.verify(ca.publicKey) && ca.checkPrivateKey(createPrivateKey(text(data['key.pem'])));
        this.#expect(sound, `${kind} v${n} is no CA`);
      }
    }
    const bundle = this.#bundle('internal-ca');
    for (const place of new Set([namespace, ...serviceCertificates.services.map((service) => service.namespace)])) {
      const data = this.#projection(`${namePrefix}internal-ca-bundle`, undefined, place);
      this.#expect(text(data['ca.crt']) === bundle, `the bundle of ${place} is not that of the ledger`);
    }
    for (const { name, namespace: place, secretName, dnsNames, ipAddresses } of serviceCertificates.services) {
      this.#leaf(secretName, place, name, [...dnsNames, ...ipAddresses]);
    }
    const combined = this.#leaf(`${namePrefix}mongodb-tls`, namespace, mongodb.service, ['localhost', '127.0.0.1']);
    const parts = `${text(combined['tls.crt'])}${text(combined['tls.key'])}`;
    this.#expect(text(combined['tls-combined.pem']) === parts, 'tls-combined.pem is not certificate and key');
    const admits = this.#leaf(`${namePrefix}grpc-tls`, namespace, grpc.service, grpc.dnsNames);
    this.#expect(
      text(admits['client-ca.crt']) === this.#bundle('cluster-ca'),
      'client-ca.crt is not that of the ledger',
    );
    if (messageBus !== null) {
      this.#leaf(`${namePrefix}message-bus-tls`, namespace, messageBus.service, messageBus.dnsNames);
    }
  }

  #bundle(kind: string): string {
    return this.#accepted(kind)
      .map(({ data }) => text(data['tls.crt']))
      .join('');
  }

  #leaf(name: string, namespace: string, service: string, further: readonly string[]): Data {
    const data = this.#projection(name, 'kubernetes.io/tls', namespace);
    const leaf = new X509Certificate(text(data['tls.crt']));
    const ca = new X509Certificate(text(this.#active('internal-ca').data['tls.crt']));
    this.#expect(leaf.checkIssued(ca) && leaf.verify(ca.publicKey), `${name} was not issued by the active CA`);
    this.#expect(leaf.checkPrivateKey(createPrivateKey(text(data['tls.key']))), `${name} has another key`);
    this.#expect(text(data['ca.crt']) === this.#bundle('internal-ca'), `${name} has another bundle`);
    const inNamespace = `${service}.${namespace}`;
    const names = [service, inNamespace, `${inNamespace}.svc`, `${inNamespace}.svc.${this.#spec.clusterDomain}`];
    for (const wanted of [...names, ...further]) {
      const valid = /^[\d.]+$|:/.test(wanted)
        ? leaf.checkIP(wanted)
        : (leaf.subjectAltName ?? '').includes(`DNS:${wanted}`);
      this.#expect(valid !== undefined && valid !== false, `${name} lacks ${wanted}`);
    }
    return data;
  }

  #mongodb(): void {
    const data = this.#projection(`${this.#spec.namePrefix}mongodb-auth`, 'Opaque');
    const active = this.#active('mongodb-auth').data;
    for (const name of ['username', 'password']) {
      this.#expect(same(data[name], active[name]), `mongodb-auth has another ${name}`);
    }
    const keys = this.#accepted('mongodb-auth').map((version) => text(version.data['keyfile']));
    const shown = text(active['keyfile']);
    const sequence = [shown, ...keys.filter((key) => key !== shown)].map((key) => `- "${key}"\n`).join('');
    this.#expect(text(data['keyfile']) === (keys.length === 1 ? shown : sequence), 'mongodb-auth has another keyfile');
    const uri = new URL(
      text(data['uri'])
        .replace(/^mongodb(\+srv)?:/, 'http:')
        .replace(/,[^/]*/, ''),
    );
    this.#expect(uri.username === text(active['username']), 'the URI has another user');
    this.#expect(uri.password === text(active['password']), 'the URI has another password');
  }

  #messageBus(): void {
    const data = this.#projection(`${this.#spec.namePrefix}message-bus-auth`, 'Opaque');
    const operator = natsClaims(text(data['operator.jwt']));
    this.#expect(kidOfNkey(operator.sub) === this.#active('message-bus-operator').kid, 'another operator');
    const signing = operator.nats.signing_keys.map(kidOfNkey);
    const wanted = this.#accepted('message-bus-signing-key').map(({ kid }) => kid);
    this.#expect(JSON.stringify(signing) === JSON.stringify(wanted), 'other signing keys');
    const system = this.#active('message-bus-system-account').kid;
    this.#expect(kidOfNkey(operator.nats.system_account) === system, 'another system account');
    const conf = text(data['nats.conf']);
    const account = natsClaims(/: (eyJ\S+)\n}/.exec(conf)?.[1] ?? '');
    this.#expect(conf.includes(`operator: ${text(data['operator.jwt'])}\n`), 'nats.conf has another operator');
    this.#expect(kidOfNkey(account.sub) === system, 'nats.conf has another system account');
    this.#expect(kidOfNkey(account.iss) === this.#active('message-bus-signing-key').kid, 'another issuer of accounts');
  }

  #audit(): void {
    const data = this.#object(`ConfigMap/${this.#spec.ledgerNamespace}/palette-keys-audit`, undefined);
    const lines = text(data['audit.jsonl']).split('\n');
    this.#expect(lines.pop() === '', 'the audit log does not end with a line end');
    const records = lines.map((line) => JSON.parse(line));
    for (const [i, { prev }] of records.entries()) {
      if (i === 0) continue;
      const digest = createHash('sha256')
        .update(lines[i - 1] ?? '')
        .digest('hex');
      this.#expect(prev === digest, `line ${i + 1} of the audit log does not follow line ${i}`);
    }
    const last = records.at(-1);
    this.#expect(last?.generation === this.#generation, `the audit log ends with generation ${last?.generation}`);
    for (const kind of this.#kinds) {
      this.#expect(last?.active?.[kind] === this.#active(kind).kid, `the audit log names another active ${kind}`);
    }
  }
}

interface NatsClaims {
  readonly sub: string;
  readonly iss: string;
  readonly nats: { readonly signing_keys: readonly string[]; readonly system_account: string };
}

/** The claims of a JWT whose signature its issuer made. */
function natsClaims(token: string): NatsClaims {
  const [header, payload = '', signature = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as NatsClaims;
  const key = createPublicKey({ key: spkiOfNkey(claims.iss), format: 'der', type: 'spki' });
  if (verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))) return claims;
  throw new Error('the signature of a JWT is wrong');
}

function kidOfNkey(nkey: string): string {
  return kidOfBytes(spkiOfNkey(nkey));
}

/** A public nkey is one byte of role, the Ed25519 key, two bytes of checksum, in base32. */
function spkiOfNkey(nkey: string): Buffer {
  const bits = [...nkey.toLowerCase()].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const bytes = (bits.match(/.{8}/g) ?? []).map((eight) => Number.parseInt(eight, 2));
  return Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Uint8Array.from(bytes.slice(1, 33))]);
}

function text(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) throw new Error('an entry is missing');
  return Buffer.from(bytes).toString('utf8');
}

function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}
