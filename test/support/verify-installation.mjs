// Proves an installation in a folder from its files alone: `node verify-installation.mjs FOLDER`. It shares no code with
// the program, nor with anything that the program is made of, so that a fault there cannot hide itself here.
// Exit code 0: everything fits; 1: a line on stdout for each mismatch; 2: wrong usage.
import { createHash, createPrivateKey, createPublicKey, hkdfSync, sign, verify, X509Certificate } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const SYMMETRIC = ['root-key', 'hash-salt'];
const AUTHORITIES = ['internal-ca', 'cluster-ca'];
const MESSAGE_BUS = ['message-bus-operator', 'message-bus-signing-key', 'message-bus-system-account'];
const KINDS = [...SYMMETRIC, 'jwt-signing-key', ...AUTHORITIES, 'mongodb-auth', ...MESSAGE_BUS];
const ACCEPTED = ['published', 'active', 'trusted'];
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

const mismatches = [];

/** Notes a mismatch unless `fits`. What is said never quotes a value: this runs on real keys too. */
function expect(fits, place, what) {
  if (!fits) mismatches.push(`${place}: ${what}`);
}

/** Runs one check; what it throws is a mismatch too. */
function check(place, work) {
  try {
    return work();
  } catch (error) {
    mismatches.push(`${place}: ${error.code ?? error.name}${error instanceof Unreadable ? `: ${error.message}` : ''}`);
    return undefined;
  }
}

class Unreadable extends Error {}

// --- YAML, as far as the manifests use it: mappings, plain, double-quoted and literal scalars -----------------------

function readYaml(text) {
  const lines = text.split('\n');
  let at = 0;
  const isBlank = (line) => /^\s*(#.*)?$/.test(line);
  const indentOf = (line) => /^ */.exec(line)[0].length;

  function mapping(indent) {
    const found = {};
    for (; at < lines.length; ) {
      const line = lines[at];
      if (isBlank(line)) {
        at += 1;
        continue;
      }
      if (indentOf(line) < indent) break;
      const match = /^ *("(?:[^"\\]|\\.)*"|[^\s"'#&*!|>%@`{}[\],?:-][^:#]*):(?: (.*))?$/.exec(line);
      if (match === null || indentOf(line) !== indent)
        throw new Unreadable(`line ${at + 1} is not YAML that is known here`);
      const key = scalar(match[1]);
      if (Object.hasOwn(found, key)) throw new Unreadable(`line ${at + 1}: ${key} is there twice`);
      at += 1;
      found[key] = value(match[2] ?? '', indent);
    }
    return found;
  }

  function value(text, indent) {
    if (text === '|' || text === '|-') return literal(indent, text === '|');
    return text === '' ? mapping(indent + 2) : scalar(text);
  }

  function literal(indent, ends) {
    const taken = [];
    while (at < lines.length && (lines[at].trim() === '' || indentOf(lines[at]) > indent)) taken.push(lines[at++]);
    while (taken.at(-1)?.trim() === '') taken.pop();
    return taken.map((line) => line.slice(indent + 2)).join('\n') + (ends ? '\n' : '');
  }

  function scalar(text) {
    if (text.startsWith('"')) return JSON.parse(text);
    return { true: true, false: false }[text] ?? text;
  }

  const whole = mapping(0);
  if (at < lines.length) throw new Unreadable(`line ${at + 1} is not part of the mapping`);
  return whole;
}

// --- kids -----------------------------------------------------------------------------------------------------------

const sha256 = (bytes) => createHash('sha256').update(bytes).digest();

function base32(bytes) {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? [])
    .map((five) => 'abcdefghijklmnopqrstuvwxyz234567'[Number.parseInt(five.padEnd(5, '0'), 2)])
    .join('');
}

const kidOf = (bytes) => base32(sha256(bytes).subarray(0, 10));
const secretKid = (kind, key) => kidOf(Buffer.from(hkdfSync('sha256', key, '', `palette-keys/kid/${kind}`, 32)));
const spkiOf = (key) => createPublicKey(key).export({ type: 'spki', format: 'der' });
const fingerprintOf = (der) => `SHA256:${sha256(der).toString('hex')}`;

/** A private key of which only the public half is whole signs, but nobody can verify it. */
function belong(privateKey, publicKey) {
  const digest = privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  try {
    return verify(digest, Buffer.from('proof'), publicKey, sign(digest, Buffer.from('proof'), privateKey));
  } catch {
    return false;
  }
}

function framed(parts) {
  return Buffer.concat(parts.flatMap((part) => [Buffer.from(Uint32Array.of(part.length).buffer).swap32(), part]));
}

// --- what is in the folder ------------------------------------------------------------------------------------------

function readFolder(root) {
  const files = [];
  const walk = (place, inside) => {
    const stats = lstatSync(place);
    const mode = stats.mode & 0o7777;
    if (stats.isDirectory()) {
      expect(mode === 0o700, inside || '.', `the folder has mode ${mode.toString(8)}, not 700`);
      for (const name of readdirSync(place).sort())
        walk(path.join(place, name), inside === '' ? name : `${inside}/${name}`);
      return;
    }
    expect(stats.isFile(), inside, 'is neither a file nor a folder');
    expect(mode === 0o600, inside, `the file has mode ${mode.toString(8)}, not 600`);
    // What a killed run left half-written has no name that anybody reads; the next run that writes sweeps it away.
    const isLeftOver = /^\..*\.tmp$/.test(path.basename(place));
    if (stats.isFile() && !isLeftOver) files.push(inside);
  };
  walk(root, '');
  return files;
}

function readObjects(root, files) {
  const objects = new Map();
  for (const file of files) {
    const [, namespace, folder, name] = /^([a-z0-9-]+)\/(secrets|configmaps)\/([a-z0-9.-]+)\.yaml$/.exec(file) ?? [];
    if (name === undefined) {
      expect(['.gitignore', '00-namespaces.yaml'].includes(file), file, 'does not belong here');
      continue;
    }
    const kind = folder === 'secrets' ? 'Secret' : 'ConfigMap';
    const object = check(file, () => readYaml(readFileSync(path.join(root, file), 'utf8')));
    if (object === undefined) continue;
    const { metadata = {}, data = {} } = object;
    expect(object.apiVersion === 'v1' && object.kind === kind, file, `is not a v1 ${kind}`);
    expect(
      metadata.name === name && metadata.namespace === namespace,
      file,
      'has the name or namespace of another object',
    );
    const bytes = Object.entries(data).map(([entry, text]) => [entry, decode(kind, text, `${file}: entry ${entry}`)]);
    objects.set(`${kind}/${namespace}/${name}`, { ...object, file, entries: Object.fromEntries(bytes) });
  }
  return objects;
}

function decode(kind, text, place) {
  expect(typeof text === 'string' && text !== '', place, 'is empty');
  if (kind === 'ConfigMap') return Buffer.from(String(text));
  const bytes = Buffer.from(String(text), 'base64');
  expect(bytes.toString('base64') === text, place, 'is not base64');
  return bytes;
}

function checkNamespaces(root, objects) {
  const file = '00-namespaces.yaml';
  check(file, () => {
    const text = readFileSync(path.join(root, file), 'utf8');
    expect(text.startsWith('---\n'), file, 'does not begin with ---');
    const listed = text.split('---\n').slice(1).map(readYaml);
    for (const { apiVersion, kind, metadata } of listed) {
      expect(apiVersion === 'v1' && kind === 'Namespace', file, 'has a document that is no Namespace');
      expect(Object.keys(metadata).join() === 'name', file, 'a namespace has more than a name');
      expect(metadata.name > file, file, `namespace ${metadata.name} sorts before the list`);
    }
    const names = listed.map(({ metadata }) => metadata.name);
    for (const ref of objects.keys()) expect(names.includes(ref.split('/')[1]), file, `lacks the namespace of ${ref}`);
  });
  check('.gitignore', () => {
    expect(readFileSync(path.join(root, '.gitignore'), 'utf8') === '*\n', '.gitignore', 'does not hold * alone');
  });
}

function checkMetadata(objects, installationId) {
  const labels = {
    'app.kubernetes.io/name': 'palette-keys',
    'app.kubernetes.io/managed-by': 'palette-keys',
    'app.kubernetes.io/part-of': 'palette',
    'palette-keys.dev/installation': installationId,
  };
  for (const [ref, { file, metadata, type, immutable, stringData }] of objects) {
    const isLedger = /^Secret\/[^/]+\/[^/]*key-[a-z0-9-]+-v\d+$/.test(ref);
    const isBook = ref.startsWith('ConfigMap/') && /\/palette-keys-(installation|audit(-\d+)?)$/.test(ref);
    const { 'palette-keys.dev/kind': kind, ...others } = metadata.labels ?? {};
    const notes = metadata.annotations ?? {};
    expect(same(others, labels), file, 'has other labels than the contract says');
    expect(/^[a-z-]+$/.test(kind ?? ''), file, 'has no label palette-keys.dev/kind');
    expect(notes['helm.sh/resource-policy'] === 'keep', file, 'Helm would delete it');
    expect(notes['argocd.argoproj.io/sync-options'] === 'Prune=false,Delete=false', file, 'Argo CD would delete it');
    expect(/^\d+\.\d+\.\d+/.test(notes['palette-keys.dev/version'] ?? ''), file, 'does not say which version wrote it');
    const generation = notes['palette-keys.dev/generation'];
    const wanted = isLedger || isBook ? generation === undefined : /^[1-9]\d*$/.test(generation ?? '');
    expect(wanted, file, 'has a generation without being a projection, or none as one');
    const extra = Object.keys(metadata).filter((key) => !['name', 'namespace', 'labels', 'annotations'].includes(key));
    expect(
      extra.length === 0 && stringData === undefined,
      file,
      'has metadata.* or stringData that do not belong there',
    );
    expect((immutable === true) === isLedger, file, 'is immutable without being of the ledger, or the other way round');
    const types = ref.startsWith('Secret/') ? ['Opaque', 'kubernetes.io/tls'] : [undefined];
    const isTls = type === 'kubernetes.io/tls';
    expect(types.includes(type) && isTls === ref.endsWith('-tls'), file, 'has another type than the contract says');
  }
}

const same = (a, b) => JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
const text = (entries, name) => entries[name]?.toString('utf8') ?? '';
const equal = (a, b) => a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;

// --- ledger and record ----------------------------------------------------------------------------------------------

function readLedger(objects, { spec, keys }) {
  const ledger = new Map(KINDS.map((kind) => [kind, []]));
  for (const [ref, object] of objects) {
    const [, kind, n] =
      new RegExp(`^Secret/${spec.ledgerNamespace}/${spec.namePrefix}key-(.*)-v([1-9]\\d*)$`).exec(ref) ?? [];
    if (kind === undefined) continue;
    const { file, entries } = object;
    const recorded = keys[kind]?.versions.find((version) => version.n === Number(n));
    expect(recorded !== undefined, file, 'the record does not know it');
    const facts = check(file, () => factsOf(kind, entries));
    if (facts === undefined || recorded === undefined) continue;
    expect(text(entries, 'kind') === kind, file, 'its entry kind contradicts its name');
    expect(object.metadata.labels['palette-keys.dev/kind'] === kind, file, 'its label kind contradicts its name');
    expect(text(entries, 'kid') === facts.kid, file, 'its key contradicts its kid');
    expect(recorded.kid === facts.kid, file, 'the record has another kid');
    expect(recorded.fingerprint === facts.fingerprint, file, 'the record has another fingerprint');
    expect(recorded.notAfter === facts.notAfter, file, 'the record has another notAfter');
    expect(TIME.test(text(entries, 'createdAt')), file, 'its createdAt is no time');
    expect(recorded.createdAt === text(entries, 'createdAt'), file, 'the record has another createdAt');
    expect(facts.algs.includes(text(entries, 'alg')), file, 'its alg does not fit its kind');
    const held = Object.keys(entries).sort().join();
    const wanted = ['kind', 'kid', 'createdAt', 'alg', ...facts.material].sort().join();
    expect(held === wanted, file, 'has other entries than the contract says');
    ledger.get(kind)?.push({ ...recorded, entries, file });
  }
  for (const versions of ledger.values()) versions.sort((a, b) => a.n - b.n);
  return ledger;
}

const FQDN_ALGS = ['RS256', 'ES256', 'ES384', 'EdDSA'];

function factsOf(kind, entries) {
  if (kind === 'mongodb-auth') {
    const parts = ['username', 'password', 'keyfile'];
    return { kid: secretKid(kind, framed(parts.map((name) => entries[name]))), material: parts, algs: ['none'] };
  }
  const alg = text(entries, 'alg');
  if (SYMMETRIC.includes(kind) || alg.startsWith('HS')) {
    if (entries.key.length !== (alg === 'HS512' ? 64 : 32))
      throw new Unreadable('the key has another length than its alg');
    const algs = { 'root-key': ['A256GCM'], 'hash-salt': ['HS256'] }[kind] ?? ['HS256', 'HS512'];
    return { kid: secretKid(kind, entries.key), material: ['key'], algs };
  }
  const pem = text(entries, 'key.pem');
  if (!pem.startsWith('-----BEGIN PRIVATE KEY-----\n')) throw new Unreadable('key.pem is not PKCS#8');
  const privateKey = createPrivateKey(pem);
  const spki = spkiOf(privateKey);
  if (!belong(privateKey, createPublicKey(privateKey))) throw new Unreadable('key.pem is no whole private key');
  if (kind === 'fqdn-key') {
    const material = ['key.pem', 'request.csr', 'subject'];
    return { kid: kidOf(spki), fingerprint: fingerprintOf(spki), material, algs: FQDN_ALGS };
  }
  if (kind === 'fqdn-certificate') {
    const leaf = new X509Certificate(entries['tls.crt']);
    if (!leaf.checkPrivateKey(privateKey)) throw new Unreadable('key.pem is not the key of tls.crt');
    const notAfter = `${leaf.validToDate.toISOString().slice(0, 19)}Z`;
    const { raw } = leaf;
    return {
      kid: kidOf(raw),
      fingerprint: fingerprintOf(raw),
      notAfter,
      material: ['key.pem', 'tls.crt'],
      algs: FQDN_ALGS,
    };
  }
  if (!AUTHORITIES.includes(kind)) {
    const algs = kind === 'jwt-signing-key' ? ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'] : ['EdDSA'];
    return { kid: kidOf(spki), fingerprint: fingerprintOf(spki), material: ['key.pem'], algs };
  }
  const certificate = new X509Certificate(entries['tls.crt']);
  if (!certificate.checkPrivateKey(privateKey)) throw new Unreadable('key.pem is not the key of tls.crt');
  if (!certificate.ca || !certificate.verify(certificate.publicKey))
    throw new Unreadable('tls.crt is not a self-signed CA');
  const notAfter = `${certificate.validToDate.toISOString().slice(0, 19)}Z`;
  return {
    kid: kidOf(spki),
    fingerprint: fingerprintOf(certificate.raw),
    notAfter,
    material: ['key.pem', 'tls.crt'],
    algs: ['RS256'],
  };
}

function checkRecord(record, ledger, file) {
  expect(record.schemaVersion === 3, file, 'schemaVersion is not 3');
  expect(record.ready === true, file, 'is not ready');
  expect(Number.isInteger(record.generation) && record.generation >= 1, file, 'generation is no number');
  for (const kind of KINDS) {
    // Without a message bus there are its keys only where there was one.
    if (record.spec.messageBus === null && MESSAGE_BUS.includes(kind) && !(kind in record.keys)) continue;
    const versions = record.keys[kind]?.versions ?? [];
    expect(versions.filter(({ state }) => state === 'active').length === 1, file, `${kind} has not one active version`);
    for (const { n, state, createdAt, since, history } of versions) {
      const there = ledger.get(kind).some((entry) => entry.n === n);
      expect(there === (state !== 'destroyed'), file, `${kind} v${n}: its ledger entry is gone, or there again`);
      expect(
        [createdAt, since, ...history.map(({ at }) => at)].every((time) => TIME.test(time)),
        file,
        `${kind} v${n}: a time is none`,
      );
      expect(
        history.at(-1)?.state === state && history.at(-1)?.at === since,
        file,
        `${kind} v${n}: state and history differ`,
      );
    }
  }
}

// --- projections ----------------------------------------------------------------------------------------------------

function checkProjections(objects, { spec, generation }, ledger) {
  const expected = new Set();
  const active = (kind) => ledger.get(kind).find(({ state }) => state === 'active');
  const accepted = (kind) => ledger.get(kind).filter(({ state }) => ACCEPTED.includes(state));
  const bundle = (kind) => Buffer.concat(accepted(kind).map(({ entries }) => entries['tls.crt']));
  const look = (kind, namespace, name, work) => {
    const ref = `${kind}/${namespace}/${name}`;
    expected.add(ref);
    const object = objects.get(ref);
    if (object === undefined) return expect(false, ref, 'is missing');
    const at = Number(object.metadata.annotations?.['palette-keys.dev/generation']);
    expect(at <= generation, object.file, 'is newer than the record');
    return check(object.file, () => work(object.entries, (fits, what) => expect(fits, object.file, what)));
  };
  const platform = (name, work) => look('Secret', spec.namespace, `${spec.namePrefix}${name}`, work);

  for (const [kind, entryName] of [
    ['root-key', 'key'],
    ['hash-salt', 'salt'],
  ]) {
    platform(kind, (entries, is) => {
      is(equal(entries[entryName], active(kind).entries.key), `${entryName} is not the active version's`);
      is(text(entries, 'kid') === active(kind).kid, "kid is not the active version's");
      checkKeyring(entries, accepted(kind), kind, is);
    });
  }

  platform('jwt-signing-key', (entries, is) => {
    const { kid, entries: key } = active('jwt-signing-key');
    const isSecret = (version) => text(version.entries, 'alg').startsWith('HS');
    const of = (wanted) => accepted('jwt-signing-key').filter((version) => isSecret(version) === wanted);
    is(text(entries, 'kid') === kid, "kid is not the active version's");
    is(equal(entries.alg, key.alg), "alg is not the active version's");
    is(
      equal(entries['signing-key.pem'] ?? entries.key, key['key.pem'] ?? key.key),
      "the key is not the active version's",
    );
    if (of(true).length > 0) checkKeyring(entries, of(true), 'jwt-signing-key', is);
    if (of(false).length === 0)
      return is(entries['jwks.json'] === undefined, 'jwks.json is there without a public key');
    checkJwks(entries, of(false), is);
    return look('ConfigMap', spec.namespace, `${spec.namePrefix}jwks`, (shared, fits) => {
      fits(equal(shared['jwks.json'], entries['jwks.json']), 'is not what the Secret holds');
    });
  });

  platform('mongodb-auth', (entries, is) => {
    const { username, password, keyfile } = active('mongodb-auth').entries;
    is(equal(entries.username, username), "username is not the active version's");
    is(equal(entries.password, password), "password is not the active version's");
    const others = accepted('mongodb-auth').filter((version) => version.state !== 'active');
    const sequence = [keyfile, ...others.map((version) => version.entries.keyfile)]
      .map((key) => `- "${key}"\n`)
      .join('');
    const expected = others.length === 0 ? keyfile : Buffer.from(sequence);
    is(equal(entries.keyfile, expected), "keyfile is not the active version's and the other's");
    const [, user, pass] = /^mongodb(?:\+srv)?:\/\/([^:@/]+):([^:@/]+)@/.exec(text(entries, 'uri')) ?? [];
    is(decodeURIComponent(user) === text(entries, 'username'), 'uri has another user');
    is(decodeURIComponent(pass) === text(entries, 'password'), 'uri has another password');
  });

  const places = new Set([spec.namespace, ...spec.serviceCertificates.services.map(({ namespace }) => namespace)]);
  for (const namespace of places) {
    look('ConfigMap', namespace, `${spec.namePrefix}internal-ca-bundle`, (entries, is) => {
      is(equal(entries['ca.crt'], bundle('internal-ca')), 'ca.crt is not the bundle of accepted CAs');
    });
  }

  const leaf = (namespace, name, names, extra = () => undefined) =>
    look('Secret', namespace, name, (entries, is) => {
      is(equal(entries['ca.crt'], bundle('internal-ca')), 'ca.crt is not the bundle of accepted CAs');
      checkLeaf(entries, active('internal-ca').entries['tls.crt'], names, is);
      extra(entries, is);
    });
  const hosts = (service, namespace) => [
    service,
    `${service}.${namespace}`,
    `${service}.${namespace}.svc`,
    `${service}.${namespace}.svc.${spec.clusterDomain}`,
  ];
  for (const { name, namespace, dnsNames, ipAddresses, secretName } of spec.serviceCertificates.services) {
    leaf(namespace, secretName, [...hosts(name, namespace), ...dnsNames, ...ipAddresses]);
  }
  const own = (endpoint) => [...hosts(endpoint.service, spec.namespace), ...endpoint.dnsNames];
  const hasBus = spec.messageBus !== null;
  if (hasBus) leaf(spec.namespace, `${spec.namePrefix}message-bus-tls`, own(spec.messageBus));
  leaf(spec.namespace, `${spec.namePrefix}grpc-tls`, own(spec.grpc), (entries, is) => {
    is(equal(entries['client-ca.crt'], bundle('cluster-ca')), 'client-ca.crt is not the bundle of accepted CAs');
  });
  const service = hosts(spec.mongodb.service, spec.namespace);
  const members = Array.from({ length: spec.mongodb.members }, (_, i) =>
    service.map((name) => `${spec.mongodb.service}-${i}.${name}`),
  );
  leaf(
    spec.namespace,
    `${spec.namePrefix}mongodb-tls`,
    [...service, ...members.flat(), 'localhost', '127.0.0.1'],
    (entries, is) => {
      const both = Buffer.concat([entries['tls.crt'], entries['tls.key']]);
      is(equal(entries['tls-combined.pem'], both), 'tls-combined.pem is not certificate and key');
    },
  );

  if (hasBus) platform('message-bus-auth', (entries, is) => checkMessageBus(entries, active, accepted, is));
  for (const [ref, { file, entries }] of objects) checkNoAuthorityKey(ref, entries, ledger, file, spec);
  return expected;
}

function checkKeyring(entries, versions, kind, is) {
  const { active, keys } = JSON.parse(text(entries, 'keyring.json'));
  is(active === (versions.find(({ state }) => state === 'active')?.kid ?? null), 'keyring.json has another active key');
  is(keys.length === versions.length, 'keyring.json has more or fewer keys than are accepted');
  for (const { kty, kid, alg, state, k } of keys) {
    const version = versions.find((candidate) => candidate.kid === kid);
    const key = Buffer.from(k, 'base64url');
    is(kty === 'oct' && key.toString('base64url') === k, 'keyring.json has a key that is no JWK');
    is(secretKid(kind, key) === kid, 'a key of keyring.json contradicts its kid');
    is(equal(key, version?.entries.key), 'keyring.json has a key that the ledger does not');
    is(
      state === version?.state && alg === text(version?.entries ?? {}, 'alg'),
      'keyring.json has another state or alg',
    );
  }
}

function checkJwks(entries, versions, is) {
  const { keys } = JSON.parse(text(entries, 'jwks.json'));
  is(keys.length === versions.length, 'jwks.json has more or fewer keys than are accepted');
  for (const jwk of keys) {
    const version = versions.find(({ kid }) => kid === jwk.kid);
    is(!['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'].some((member) => member in jwk), 'jwks.json holds something private');
    is(kidOf(spkiOf({ key: jwk, format: 'jwk' })) === jwk.kid, 'a key of jwks.json contradicts its kid');
    is(
      version !== undefined && jwk.alg === text(version.entries, 'alg'),
      'jwks.json has a key that the ledger does not',
    );
  }
}

function checkLeaf(entries, issuerPem, names, is) {
  const certificate = new X509Certificate(entries['tls.crt']);
  const issuer = new X509Certificate(issuerPem);
  is(text(entries, 'tls.crt').split('-----BEGIN').length === 2, 'tls.crt holds more or less than the leaf');
  const key = createPrivateKey(text(entries, 'tls.key'));
  is(certificate.checkPrivateKey(key) && belong(key, certificate.publicKey), 'tls.key is not the key of tls.crt');
  is(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey), 'the active CA did not issue it');
  is(!certificate.ca, 'is a CA');
  is(certificate.validToDate <= issuer.validToDate, 'outlives its CA');
  const has = (certificate.subjectAltName ?? '').split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''));
  is(
    [...new Set(has)].sort().join() === [...new Set(names.map(normal))].sort().join(),
    'has other names than the spec asks for',
  );
}

/** OpenSSL writes IPv6 addresses in full; the URL parser knows what they mean. */
function normal(name) {
  if (!name.includes(':')) return name;
  const [head, tail = ''] = new URL(`http://[${name}]`).hostname.slice(1, -1).split('::');
  const [left, right] = [head, tail].map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right].join(':').toUpperCase();
}

/** Private keys of CAs stand in the ledger alone; so does everything of the message bus. */
function checkNoAuthorityKey(ref, entries, ledger, file, spec) {
  const inLedger = ref.startsWith(`Secret/${spec.ledgerNamespace}/`);
  const held = Buffer.concat(Object.values(entries)).toString('latin1');
  for (const kind of [...AUTHORITIES, ...MESSAGE_BUS]) {
    for (const { entries: secret } of ledger.get(kind) ?? []) {
      expect(
        inLedger || !held.includes(secret['key.pem'].toString('latin1').trim()),
        file,
        `holds the private key of ${kind}`,
      );
    }
  }
}

function checkMessageBus(entries, active, accepted, is) {
  const nkey = (prefix, version) => {
    const raw = spkiOf(createPrivateKey(version.entries['key.pem'])).subarray(-32);
    const body = Buffer.concat([Buffer.of(prefix), raw]);
    const sum = Buffer.alloc(2);
    sum.writeUInt16LE(crc16(body));
    return base32(Buffer.concat([body, sum])).toUpperCase();
  };
  const [operator, signer, account] = MESSAGE_BUS.map(active);
  const [O, A] = [14 << 3, 0];
  const conf = text(entries, 'nats.conf');
  const options = conf
    .split('\n')
    .filter((line) => /^\w/.test(line))
    .map((line) => /^\w+/.exec(line)[0]);
  is(options.sort().join() === 'operator,resolver,resolver_preload,system_account', 'nats.conf sets something else');
  const [operatorJwt, accountJwt, ...others] = conf.match(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g) ?? [];
  is(
    operatorJwt === text(entries, 'operator.jwt') && others.length === 0,
    'nats.conf has another operator than operator.jwt',
  );
  is(conf.includes(`system_account: ${nkey(A, account)}`), 'nats.conf names another system account');

  const read = (jwt, key, createdAt) => {
    const [head, body, signature] = jwt.split('.');
    const { jti, ...claims } = JSON.parse(Buffer.from(body, 'base64url').toString());
    const hash = createHash('sha512-256').update(JSON.stringify(claims)).digest();
    const isSigned = verify(
      null,
      Buffer.from(`${head}.${body}`),
      createPublicKey(key),
      Buffer.from(signature, 'base64url'),
    );
    is(isSigned, 'a JWT has a wrong signature');
    is(jti === base32(hash).toUpperCase(), 'the jti of a JWT is not the hash of its claims');
    is(claims.iat === Date.parse(createdAt) / 1000, 'the iat of a JWT is not when its version was made');
    return claims;
  };
  const first = read(operatorJwt, operator.entries['key.pem'], operator.createdAt);
  is(first.iss === nkey(O, operator) && first.sub === nkey(O, operator), 'operator.jwt has another issuer or subject');
  const signers = accepted('message-bus-signing-key').map((version) => nkey(O, version));
  is((first.nats.signing_keys ?? []).join() === signers.join(), 'operator.jwt lists other signing keys');
  is(first.nats.system_account === nkey(A, account), 'operator.jwt names another system account');
  const second = read(accountJwt, signer.entries['key.pem'], account.createdAt);
  is(
    second.iss === nkey(O, signer) && second.sub === nkey(A, account),
    'the account JWT has another issuer or subject',
  );
}

/** CRC-16/XMODEM, as nkeys end with. */
function crc16(bytes) {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc;
}

// --- audit ----------------------------------------------------------------------------------------------------------

function checkAudit(objects, record) {
  const name = `ConfigMap/${record.spec.ledgerNamespace}/palette-keys-audit`;
  const copies = [...objects.keys()].filter((ref) => new RegExp(`^${name}-\\d+$`).test(ref));
  const logs = [...copies.sort((a, b) => a.length - b.length || (a < b ? -1 : 1)), name];
  // A restored log, and one that was found broken, is followed from the line after the one that the record names.
  const start = record.audit?.start;
  let prev = null;
  let count = 0;
  let generation = 0;
  let last;
  for (const ref of logs) {
    const object = objects.get(ref);
    if (object === undefined) return expect(false, ref, 'is missing');
    const log = text(object.entries, 'audit.jsonl');
    expect(log.endsWith('\n'), object.file, 'its last line is cut off');
    log
      .split('\n')
      .slice(0, -1)
      .forEach((line, index) => {
        const place = `${object.file}: line ${index + 1}`;
        last = check(place, () => JSON.parse(line));
        const follows = prev === null && start !== undefined ? true : last?.prev === prev;
        expect(follows, place, 'prev is not the digest of the line before');
        count = last?.prev === start?.digest ? 1 : count + 1;
        expect(last?.installationId === record.installationId, place, 'is of another installation');
        expect(TIME.test(last?.time) && last?.generation >= generation, place, 'time or generation is wrong');
        prev = sha256(line).toString('hex');
        generation = last?.generation ?? generation;
      });
  }
  const { digest, lines } = record.audit ?? {};
  expect(digest === prev, name, 'its last line is not the one that the record knows');
  expect(lines === (start?.lines ?? 0) + count, name, 'the record counts other lines');
  const active = Object.entries(record.keys).map(([kind, { versions }]) => [
    kind,
    versions.find(({ state }) => state === 'active')?.kid,
  ]);
  expect(
    same(last?.active ?? {}, Object.fromEntries(active)),
    name,
    'its last line has other active kids than the record',
  );
  expect(last?.generation === record.generation, name, 'its last line has another generation than the record');
  return undefined;
}

// --------------------------------------------------------------------------------------------------------------------

function verifyInstallation(root) {
  const files = readFolder(root);
  const objects = readObjects(root, files);
  checkNamespaces(root, objects);
  const [name, holder] = [...objects].find(([ref]) => /^ConfigMap\/[^/]+\/palette-keys-installation$/.test(ref)) ?? [];
  const record = holder && check(holder.file, () => JSON.parse(text(holder.entries, 'record.json')));
  if (record === undefined) return expect(false, name ?? root, 'there is no record that can be read');
  checkMetadata(objects, record.installationId);
  const ledger = readLedger(objects, record);
  check(holder.file, () => checkRecord(record, ledger, holder.file));
  const expected = check('projections', () => checkProjections(objects, record, ledger)) ?? new Set(objects.keys());
  check('audit', () => checkAudit(objects, record));
  for (const [ref, { file, metadata }] of objects) {
    // A service that the spec no longer names leaves its certificate and its namespace's bundle behind.
    if (['service-certificates', 'internal-ca'].includes(metadata.labels?.['palette-keys.dev/kind'])) continue;
    const isLedger = ref.startsWith(`Secret/${record.spec.ledgerNamespace}/${record.spec.namePrefix}key-`);
    const isBook = /^ConfigMap\/[^/]+\/palette-keys-(installation|audit(-\d+)?)$/.test(ref);
    expect(isLedger || isBook || expected.has(ref), file, 'is of no use to the installation');
  }
  return undefined;
}

const [root, ...more] = process.argv.slice(2);
if (root === undefined || more.length > 0) {
  console.error('usage: node verify-installation.mjs FOLDER');
  process.exitCode = 2;
} else {
  check(root, () => verifyInstallation(root));
  for (const mismatch of mismatches) console.log(mismatch);
  if (mismatches.length > 0) process.exitCode = 1;
  else console.log('everything fits');
}
