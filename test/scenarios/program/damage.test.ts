import { X509Certificate } from 'node:crypto';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { changesBetween, copyOf, fingerprintOf, folderWith, newFolder } from '../../support/program.ts';
import {
  AUDIT,
  codesOf,
  doings,
  editEntries,
  entryOf,
  fileOf,
  type InitResult,
  install,
  LEDGER,
  PLATFORM,
  pathOf,
  RECORD,
  readObject,
  readRecord,
  SMALL,
  specText,
  verifyInstallation,
} from './store.ts';
import { startWarm } from './warm.ts';

const warm = startWarm(2);

/** Two installations of the same spec; what is damaged are copies of `ours`. */
let ours = '';
let theirs = '';
/** A working directory with the spec of both. */
let cwd = '';

beforeAll(async () => {
  cwd = folderWith({ 'palette-keys.yaml': specText(SMALL) });
  [ours, theirs] = (await Promise.all([install(), install()])) as [string, string];
});

/** Projections that are a function of the ledger alone, and their entries. */
const COMPUTED: Readonly<Record<string, readonly string[]>> = {
  [`Secret/${PLATFORM}/palette-root-key`]: ['key', 'kid', 'keyring.json'],
  [`Secret/${PLATFORM}/palette-hash-salt`]: ['salt', 'kid', 'keyring.json'],
  [`Secret/${PLATFORM}/palette-jwt-signing-key`]: ['signing-key.pem', 'kid', 'alg', 'jwks.json'],
  [`ConfigMap/${PLATFORM}/palette-jwks`]: ['jwks.json'],
  [`ConfigMap/${PLATFORM}/palette-internal-ca-bundle`]: ['ca.crt'],
  [`Secret/${PLATFORM}/palette-mongodb-auth`]: ['username', 'password', 'keyfile', 'uri'],
  [`Secret/${PLATFORM}/palette-message-bus-auth`]: ['operator.jwt', 'nats.conf'],
};

/** Leaf Secrets, and what stands in them around the leaf. */
const LEAVES: Readonly<Record<string, readonly string[]>> = {
  [`Secret/${PLATFORM}/palette-auth-tls`]: ['ca.crt'],
  [`Secret/${PLATFORM}/palette-mongodb-tls`]: ['ca.crt', 'tls-combined.pem'],
  [`Secret/${PLATFORM}/palette-grpc-tls`]: ['ca.crt', 'client-ca.crt'],
  [`Secret/${PLATFORM}/palette-message-bus-tls`]: ['ca.crt'],
};

const ledgerOf = (kind: string) => `Secret/${LEDGER}/palette-key-${kind}-v1`;

/** Ledger entries that a projection holds whole, and those that nothing else does. */
const HELD = ['root-key', 'hash-salt', 'jwt-signing-key', 'mongodb-auth'];
const NOT_HELD = [
  'internal-ca',
  'cluster-ca',
  'message-bus-operator',
  'message-bus-signing-key',
  'message-bus-system-account',
];

type Damage = (store: string, ref: string) => void;

const edit =
  (change: (text: string) => string | Buffer): Damage =>
  (store, ref) => {
    const file = pathOf(store, ref);
    writeFileSync(file, change(readFileSync(file, 'utf8')));
  };

/** What can become of a whole file. */
const OF_FILES: Readonly<Record<string, Damage>> = {
  emptied: edit(() => ''),
  'cut off in the middle': edit((text) => text.slice(0, text.length / 2)),
  'overwritten with bytes that are no text': edit(() => Buffer.from([0, 255, 254, 1, 192, 128, 10])),
  'of another kind': edit((text) => text.replace(/^kind: .*$/m, 'kind: Pod')),
  'of another name': edit((text) => text.replace(/^ {2}name: .*$/m, '  name: other')),
};

/** What can become of one entry. */
const OF_ENTRIES: Readonly<Record<string, (bytes: Buffer) => Buffer | undefined>> = {
  removed: () => undefined,
  'cut off': (bytes) => bytes.subarray(0, bytes.length / 2),
  'bit-flipped at its beginning': (bytes) => flipped(bytes, 0),
  'bit-flipped in the middle': (bytes) => flipped(bytes, Math.floor(bytes.length / 2)),
};

function flipped(bytes: Buffer, at: number): Buffer {
  return Buffer.from(bytes.map((byte, i) => (i === at ? byte ^ 1 : byte)));
}

const onEntry =
  (name: string, change: (bytes: Buffer) => Buffer | undefined): Damage =>
  (store, ref) =>
    editEntries(store, ref, (data) => ({ [name]: change(data[name] ?? Buffer.alloc(0)) }));

/** Every damage of a file, and of each entry in turn, as rows of a table; a row damages all of the objects at once. */
function rows(objects: Readonly<Record<string, readonly string[]>>): [what: string, damage: (store: string) => void][] {
  const all = Object.entries(objects);
  const most = Math.max(...all.map(([, entries]) => entries.length));
  const files = Object.entries(OF_FILES).map(([what, damage]): [string, (store: string) => void] => [
    what,
    (store) => {
      for (const [ref] of all) damage(store, ref);
    },
  ]);
  const entries = Array.from({ length: most }, (_, i) =>
    all.flatMap(([ref, names]) => names.slice(i, i + 1).map((name) => ({ ref, name }))),
  );
  return [
    ...files,
    ...entries.flatMap((places) =>
      Object.entries(OF_ENTRIES).map(([what, change]): [string, (store: string) => void] => [
        `${what} in ${places.map(({ name }) => name).join(', ')}`,
        (store) => {
          for (const { ref, name } of places) onEntry(name, change)(store, ref);
        },
      ]),
    ),
  ];
}

function withoutEntry(
  objects: Readonly<Record<string, readonly string[]>>,
  ref: string,
  name: string,
): Readonly<Record<string, readonly string[]>> {
  return { ...objects, [ref]: objects[ref]?.filter((entry) => entry !== name) ?? [] };
}

async function init(
  store: string,
  ...flags: string[]
): Promise<{ code: number | null; stderr: string; document: InitResult }> {
  const { code, stdout, stderr } = await warm.run(['init', '--dir', store, '-o', 'json', ...flags], { cwd });
  return { code, stderr, document: JSON.parse(stdout) as InitResult };
}

/** Refused with 5, an explanation and not a byte changed. */
async function expectRefused(store: string, ...flags: string[]): Promise<InitResult> {
  const before = fingerprintOf(store);
  const { code, stderr, document } = await init(store, '--yes', ...flags);
  expect(code, stderr).toBe(5);
  expect(stderr).toMatch(/^palette-keys: error: \S/);
  expect(stderr).toMatch(/^palette-keys: hint: \S/m);
  expect(changesBetween(before, fingerprintOf(store))).toEqual([]);
  return document;
}

/** Restores, and returns the paths that are not as they were before the damage, but for the audit log. */
/** The audit log tells of every run that changed something, and the record of its last line. */
const NOTED = [AUDIT, RECORD].map(fileOf);

async function restore(store: string, ...flags: string[]): Promise<readonly string[]> {
  const { code, stderr } = await init(store, '--yes', ...flags);
  expect(code, stderr).toBe(0);
  return changesBetween(fingerprintOf(ours), fingerprintOf(store)).filter((file) => !NOTED.includes(file));
}

describe.concurrent('a projection that is computed', () => {
  const all = Object.keys(COMPUTED);

  it.each([[all], [all.slice(0, 1)], [all.slice(3, 4)]])(
    '%s: written again where it was deleted, without being asked',
    async (refs) => {
      const store = copyOf(ours);
      for (const ref of refs) rmSync(pathOf(store, ref));
      const { code, document } = await init(store);
      expect(code).toBe(0);
      expect([...doings(document)].sort()).toEqual(refs.map((ref) => `restore ${ref}`).sort());
      expect(changesBetween(fingerprintOf(ours), fingerprintOf(store))).toEqual(NOTED);
    },
  );

  // A keyfile that is shorter or has another byte is a keyfile too: nothing contradicts it, so it is somebody's.
  const KEYFILE = [`Secret/${PLATFORM}/palette-mongodb-auth`, 'keyfile'] as const;

  it.each(rows(withoutEntry(COMPUTED, ...KEYFILE)))('%s: restored byte for byte', async (_, damage) => {
    const store = copyOf(ours);
    damage(store);
    expect(await restore(store)).toEqual([]);
  });

  it.each(Object.entries(OF_ENTRIES))(
    'keyfile %s: restored byte for byte, if need be with --restore',
    async (_, change) => {
      const store = copyOf(ours);
      onEntry(KEYFILE[1], change)(store, KEYFILE[0]);
      if ((await init(store)).code === 5) await expectRefused(store);
      expect(await restore(store, '--restore')).toEqual([]);
    },
  );
});

describe.concurrent('a leaf certificate', () => {
  const all = Object.keys(LEAVES);

  it.each([[all], [all.slice(0, 1)]])('%s: issued anew where it was deleted, without being asked', async (refs) => {
    const store = copyOf(ours);
    for (const ref of refs) rmSync(pathOf(store, ref));
    const { code, document } = await init(store);
    expect(code).toBe(0);
    expect([...doings(document)].sort()).toEqual(refs.map((ref) => `restore ${ref}`).sort());
    expect(changesBetween(fingerprintOf(ours), fingerprintOf(store))).toEqual(
      [...refs, AUDIT, RECORD].map(fileOf).sort(),
    );
    expect((await verifyInstallation(store)).stdout).toBe('everything fits\n');
  });

  it.each(rows(LEAVES).slice(Object.keys(OF_FILES).length))('%s: leaf and key are kept', async (_, damage) => {
    const store = copyOf(ours);
    damage(store);
    expect(await restore(store)).toEqual([]);
  });

  const broken = Object.keys(LEAVES).slice(0, 2);

  it.each(rows(Object.fromEntries(broken.map((ref) => [ref, ['tls.crt', 'tls.key']]))))(
    '%s: it is issued anew, and nothing else is touched',
    async (_, damage) => {
      const store = copyOf(ours);
      damage(store);
      expect(await restore(store)).toEqual(broken.map(fileOf).sort());
      const serials = (folder: string) =>
        broken.map((ref) => new X509Certificate(entryOf(folder, ref, 'tls.crt')).serialNumber);
      for (const serial of serials(store)) expect(serials(ours)).not.toContain(serial);
    },
  );
});

describe.concurrent('what damage is not mended without', () => {
  it.each([`Secret/${PLATFORM}/palette-root-key`, `Secret/${PLATFORM}/palette-auth-tls`])(
    '%s: --yes, where nobody can be asked',
    async (ref) => {
      const store = copyOf(ours);
      OF_FILES['cut off in the middle']?.(store, ref);
      const before = fingerprintOf(store);
      const { code, stdout, stderr } = await warm.run(['init', '--dir', store, '-o', 'json'], { cwd });
      expect(code).toBe(2);
      expect(JSON.parse(stdout)).toMatchObject({ kind: 'Error', code: 'CONFIRMATION_NEEDED' });
      expect(stderr).toContain(ref);
      expect(stderr).toMatch(/^palette-keys: hint: .*--yes/m);
      expect(changesBetween(before, fingerprintOf(store))).toEqual([]);
    },
  );
});

describe.concurrent('well-formed keys of another installation in our objects', () => {
  const plant = (...refs: string[]): string => {
    const store = copyOf(ours);
    for (const ref of refs) editEntries(store, ref, () => readObject(theirs, ref).data);
    return store;
  };
  const everywhere = [...Object.keys(COMPUTED), ...Object.keys(LEAVES)];
  const adoptable = HELD.map((kind) => `Secret/${PLATFORM}/palette-${kind}`);

  it.each([[Object.keys(COMPUTED)], [Object.keys(LEAVES)], ...everywhere.slice(0, 3).map((ref) => [[ref]])])(
    '%s: refused as FOREIGN_EDIT; --restore makes them ours again',
    async (refs) => {
      const store = plant(...refs);
      const document = await expectRefused(store);
      for (const ref of refs) {
        expect(document.findings).toContainEqual(
          expect.objectContaining({ code: 'FOREIGN_EDIT', severity: 'error', subject: ref }),
        );
        expect(doings(document)).toContain(`blocked ${ref}`);
      }
      expect(await restore(store, '--restore')).toEqual(
        refs
          .filter((ref) => Object.hasOwn(LEAVES, ref))
          .map(fileOf)
          .sort(),
      );
      expect((await verifyInstallation(store)).stdout).toBe('everything fits\n');
    },
  );

  it.each(HELD)('palette-%s: --adopt makes theirs a new, active version, and keeps ours', async (kind) => {
    const store = plant(`Secret/${PLATFORM}/palette-${kind}`);
    const before = fingerprintOf(store);
    const { code, stderr } = await init(store, '--adopt', '--yes');
    expect(code, stderr).toBe(0);
    const [first, second] = readRecord(store).keys[kind]?.versions ?? [];
    expect(first).toMatchObject({ n: 1, state: 'trusted', kid: entryOf(ours, ledgerOf(kind), 'kid') });
    expect(second).toMatchObject({ n: 2, state: 'active', kid: entryOf(theirs, ledgerOf(kind), 'kid') });
    expect(fingerprintOf(store)[fileOf(ledgerOf(kind))]).toBe(before[fileOf(ledgerOf(kind))]);
    expect((await verifyInstallation(store)).stdout).toBe('everything fits\n');
    expect((await init(store)).document.counts).toMatchObject({ create: 0, update: 0, restore: 0, blocked: 0 });
  });

  it('stay refused with --adopt where no key can be taken in', async () => {
    const refs = everywhere.filter((ref) => !adoptable.includes(ref));
    const document = await expectRefused(plant(...refs), '--adopt');
    for (const ref of refs) expect(doings(document)).toContain(`blocked ${ref}`);
  });

  it.each([[everywhere], ...[0, 3, 4, 7].map((i) => [everywhere.slice(i, i + 1)])])(
    '%s with their labels: refused, until they are moved away',
    async (refs) => {
      const store = copyOf(ours);
      for (const ref of refs) copyFileSync(pathOf(theirs, ref), pathOf(store, ref));
      await expectRefused(store);
      for (const ref of refs) rmSync(pathOf(store, ref));
      expect(await restore(store)).toEqual(
        refs
          .filter((ref) => Object.hasOwn(LEAVES, ref))
          .map(fileOf)
          .sort(),
      );
    },
  );
});

describe.concurrent('a ledger entry', () => {
  it.each(HELD)('%s that is gone is written again, byte for byte, from the projection that holds it', async (kind) => {
    const store = copyOf(ours);
    rmSync(pathOf(store, ledgerOf(kind)));
    const { code, document } = await init(store);
    expect(code).toBe(0);
    expect(doings(document)).toEqual([`restore ${ledgerOf(kind)}`]);
    expect(changesBetween(fingerprintOf(ours), fingerprintOf(store))).toEqual(NOTED);
  });

  it.each(NOT_HELD)('%s that is gone is refused: nothing else holds it', async (kind) => {
    const store = copyOf(ours);
    rmSync(pathOf(store, ledgerOf(kind)));
    const { findings } = await expectRefused(store);
    expect(findings).toContainEqual(expect.objectContaining({ code: 'LEDGER_ENTRY_LOST', subject: ledgerOf(kind) }));
  });

  it.each(HELD)('%s is not made anew where its projection is gone too', async (kind) => {
    const store = copyOf(ours);
    rmSync(pathOf(store, ledgerOf(kind)));
    rmSync(pathOf(store, `Secret/${PLATFORM}/palette-${kind}`));
    const { findings } = await expectRefused(store);
    expect(findings).toContainEqual(expect.objectContaining({ code: 'LEDGER_ENTRY_LOST', subject: ledgerOf(kind) }));
  });

  const objects = {
    [ledgerOf('root-key')]: ['key', 'kid', 'createdAt'],
    [ledgerOf('mongodb-auth')]: ['password', 'kid', 'kind'],
    [ledgerOf('internal-ca')]: ['key.pem', 'tls.crt', 'alg'],
    [ledgerOf('message-bus-signing-key')]: ['key.pem', 'kid', 'kind'],
  };

  it.each(rows(objects))('%s: refused, and left as it is', async (_, damage) => {
    const store = copyOf(ours);
    damage(store);
    const { findings } = await expectRefused(store);
    for (const ref of Object.keys(objects)) {
      expect(findings).toContainEqual(
        expect.objectContaining({ severity: 'error', subject: ref, code: expect.stringMatching(/^LEDGER_ENTRY_/) }),
      );
    }
    const status = await warm.run(['status', '--dir', store], { cwd });
    expect(status.code, status.stderr).toBe(3);
  });

  it.each([...HELD, ...NOT_HELD])('%s replaced by that of another installation is refused', async (kind) => {
    const store = copyOf(ours);
    copyFileSync(pathOf(theirs, ledgerOf(kind)), pathOf(store, ledgerOf(kind)));
    for (const flags of [[], ['--restore'], ['--adopt']]) {
      if (flags.length === 0 || kind === 'root-key') await expectRefused(store, ...flags);
    }
  });

  it('that is damaged can be moved away, and is then rebuilt', async () => {
    const store = copyOf(ours);
    const ref = ledgerOf('root-key');
    OF_FILES['cut off in the middle']?.(store, ref);
    const { findings } = await expectRefused(store);
    expect(findings.find(({ subject }) => subject === ref)?.remedy).toContain('move it away');
    rmSync(pathOf(store, ref));
    expect(await restore(store)).toEqual([]);
  });
});

describe.concurrent('the whole ledger gone', () => {
  it('is refused: what is there was made from keys that are not', async () => {
    const store = copyOf(ours);
    rmSync(path.join(store, LEDGER), { recursive: true });
    expect(codesOf(await expectRefused(store))).toContain('LEDGER_LOST');
    expect((await warm.run(['status', '--dir', store], { cwd })).code).toBe(3);
  });

  it('takes the keys in that are still there with --adopt; none of them is made anew', async () => {
    const store = copyOf(ours);
    rmSync(path.join(store, LEDGER), { recursive: true });
    const { code, stderr } = await init(store, '--adopt', '--yes');
    expect(code, stderr).toBe(0);
    for (const kind of HELD)
      expect(entryOf(store, ledgerOf(kind), 'kid'), kind).toBe(entryOf(ours, ledgerOf(kind), 'kid'));
    expect((await verifyInstallation(store)).stdout).toBe('everything fits\n');
  });
});

describe.concurrent('the record', () => {
  const settle = async (store: string) => {
    const { code, stderr } = await init(store, '--yes');
    expect(code, stderr).toBe(0);
    const { keys, installationId, ready } = readRecord(store);
    expect({ keys, installationId, ready }).toEqual({
      ...readRecord(ours),
      generation: undefined,
      spec: undefined,
      schemaVersion: undefined,
      createdAt: undefined,
      audit: undefined,
    });
    expect(
      changesBetween(fingerprintOf(ours), fingerprintOf(store)).filter(
        (file) => !file.startsWith(`${LEDGER}/configmaps/`),
      ),
    ).toEqual([]);
    expect((await verifyInstallation(store)).stdout).toBe('everything fits\n');
  };

  it('that is gone is rebuilt from ledger and keyrings', async () => {
    const store = copyOf(ours);
    rmSync(pathOf(store, RECORD));
    await settle(store);
  });

  it.each(Object.entries(OF_FILES))('%s, is rebuilt with --yes, and without it asked for', async (_, damage) => {
    const store = copyOf(ours);
    damage(store, RECORD);
    expect((await warm.run(['status', '--dir', store], { cwd })).code).toBe(3);
    expect((await warm.run(['init', '--dir', store], { cwd })).code).toBe(2);
    await settle(store);
  });

  it.each<[string, (json: string) => string]>([
    ['is no JSON', (json) => json.replace('{', '')],
    ['lacks its keys', (json) => JSON.stringify({ ...JSON.parse(json), keys: undefined })],
    ['has two active versions', (json) => json.replace(/("versions": \[)(\s*)(\{[^}]*\}[^}]*\}|\{)/, '$1')],
    ['has a state that nobody knows', (json) => json.replace('"active"', '"passive"')],
    ['has a negative generation', (json) => json.replace('"generation": 1', '"generation": -1')],
    ['has a spec that is wrong', (json) => json.replace('"ES256"', '"ES257"')],
  ])('whose JSON %s is rebuilt with --yes', async (_, change) => {
    const store = copyOf(ours);
    editEntries(store, RECORD, ({ 'record.json': json }) => ({ 'record.json': change(json?.toString() ?? '') }));
    await settle(store);
  });

  it.each<[string, (json: string) => string]>([
    ['a kid', (json) => json.replace(/("kid": ")[a-z2-7]{16}/, '$1aaaaaaaaaaaaaaaa')],
    ['the installation', (json) => json.replace(/("installationId": ")[0-9a-f]{8}/, '$100000000')],
  ])('that contradicts the ledger in %s does not win', async (_, change) => {
    const store = copyOf(ours);
    editEntries(store, RECORD, ({ 'record.json': json }) => ({ 'record.json': change(json?.toString() ?? '') }));
    const before = fingerprintOf(store);
    const { code, stderr } = await warm.run(['init', '--yes', '--dir', store], { cwd });
    expect([0, 5], stderr).toContain(code);
    if (code === 5) expect(changesBetween(before, fingerprintOf(store))).toEqual([]);
    if (code === 5) rmSync(pathOf(store, RECORD));
    await settle(store);
  });

  it('of a newer schemaVersion is refused by what writes, and status says so', async () => {
    const store = copyOf(ours);
    editEntries(store, RECORD, ({ 'record.json': json }) => ({
      'record.json': json?.toString().replace('"schemaVersion": 3', '"schemaVersion": 4'),
    }));
    const before = fingerprintOf(store);
    for (const command of [
      ['init', '--yes'],
      ['init', '--restore', '--yes'],
      ['rotate', 'jwt-signing-key', '--yes'],
    ]) {
      const { code, stdout, stderr } = await warm.run([...command, '--dir', store, '-o', 'json'], { cwd });
      expect(code).toBe(5);
      expect(JSON.parse(stdout)).toMatchObject({ kind: 'Error', code: 'RECORD_TOO_NEW' });
      expect(stderr).toMatch(/^palette-keys: hint: .*newer/m);
    }
    const status = await warm.run(['status', '--dir', store, '-o', 'json'], { cwd });
    expect(status.code).toBe(3);
    expect(JSON.parse(status.stdout)).toMatchObject({ kind: 'Status', findings: [{ code: 'RECORD_TOO_NEW' }] });
    expect(changesBetween(before, fingerprintOf(store))).toEqual([]);
  });
});

describe.concurrent('the audit log', () => {
  it.each<[string, (log: string) => string, RegExp]>([
    [
      'altered',
      (log) => `${log.replace('"user"', '"User"')}${JSON.stringify({ prev: 'x' })}\n`,
      /chain is broken at line 2/,
    ],
    ['cut off', (log) => log.slice(0, -40), /broken at line 1/],
    ['no JSON', () => 'x\n', /broken at line 1/],
  ])('%s is a finding, and not written over: init --yes appends what it found', async (_, change, message) => {
    const store = copyOf(ours);
    editEntries(store, AUDIT, ({ 'audit.jsonl': log }) => ({ 'audit.jsonl': change(log?.toString() ?? '') }));
    const { code, stdout } = await warm.run(['status', '--dir', store, '-o', 'json'], { cwd });
    expect(code).toBe(3);
    const { findings } = JSON.parse(stdout) as InitResult;
    expect(findings).toContainEqual(
      expect.objectContaining({ code: 'AUDIT_DAMAGED', message: expect.stringMatching(message) }),
    );
    const log = entryOf(store, AUDIT, 'audit.jsonl');
    await init(store, '--yes');
    const after = entryOf(store, AUDIT, 'audit.jsonl');
    expect(after.startsWith(log)).toBe(true);
    expect(after).toContain('chain-broken');
  });

  it.each<[string, Damage]>([
    ['that cannot be read', edit(() => '{[')],
    ['that lacks its entry', edit((text) => text.slice(0, text.search(/^data:$/m)))],
    ['that is empty', edit(() => '')],
  ])('%s is a finding; a run that would change something is refused before it does, or done', async (_, damage) => {
    const store = copyOf(ours);
    damage(store, AUDIT);
    const status = await warm.run(['status', '--dir', store, '-o', 'json'], { cwd });
    expect(status.code, status.stderr).toBe(3);
    expect(codesOf(JSON.parse(status.stdout))).toContain('AUDIT_DAMAGED');
    rmSync(pathOf(store, `Secret/${PLATFORM}/palette-root-key`));
    const before = fingerprintOf(store);
    const { code, stderr } = await warm.run(['init', '--dir', store], { cwd });
    expect([0, 5], stderr).toContain(code);
    if (code === 5) expect(changesBetween(before, fingerprintOf(store))).toEqual([]);
  });

  it('that is gone is a finding; the next change begins a new one', async () => {
    const store = copyOf(ours);
    rmSync(pathOf(store, AUDIT));
    rmSync(pathOf(store, `ConfigMap/${PLATFORM}/palette-jwks`));
    const { findings } = JSON.parse(
      (await warm.run(['status', '--dir', store, '-o', 'json'], { cwd })).stdout,
    ) as InitResult;
    expect(findings.map(({ code }) => code)).toContain('AUDIT_CHAIN_BROKEN');
    expect(await restore(store)).toEqual([]);
    expect((await verifyInstallation(store)).stdout).toBe('everything fits\n');
  });
});

describe.concurrent('the list of namespaces', () => {
  const LIST = '00-namespaces.yaml';

  it('that is gone is written again', async () => {
    const store = copyOf(ours);
    rmSync(path.join(store, LIST));
    expect(await restore(store)).toEqual([]);
  });

  it.each<[string, string | Buffer]>([
    ['is no YAML', '{['],
    ['lists something else', '---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n'],
    ['is no text', Buffer.from([0, 255])],
  ])('that %s is not written over: the message says what to do', async (_, text) => {
    const store = copyOf(ours);
    writeFileSync(path.join(store, LIST), text);
    const before = fingerprintOf(store);
    const { code, stderr } = await warm.run(['init', '--yes', '--dir', store], { cwd });
    expect(code).toBe(1);
    expect(stderr).toContain(LIST);
    expect(stderr).toMatch(/^palette-keys: hint: .*00-namespaces\.yaml.*init/m);
    expect(changesBetween(before, fingerprintOf(store))).toEqual([]);
  });
});

describe.concurrent('entries and labels that others added', () => {
  const ref = `Secret/${PLATFORM}/palette-root-key`;
  const added = (text: string) =>
    text.replace('  labels:\n', '  labels:\n    team: platform\n').replace(/^data:\n/m, 'data:\n  extra: eA==\n');

  it('are no damage, and stay', async () => {
    const store = copyOf(ours);
    const file = pathOf(store, ref);
    writeFileSync(file, added(readFileSync(file, 'utf8')));
    const before = fingerprintOf(store);
    expect((await init(store)).code).toBe(0);
    expect(changesBetween(before, fingerprintOf(store))).toEqual([]);
  });

  it('stay when the object is written anew for another reason', async () => {
    const store = copyOf(ours);
    const file = pathOf(store, ref);
    writeFileSync(
      file,
      added(readFileSync(file, 'utf8')).replace('palette-keys.dev/kind: root-key', 'palette-keys.dev/kind: other'),
    );
    expect((await init(store, '--yes')).code).toBe(0);
    expect(readObject(store, ref)).toMatchObject({
      metadata: { labels: { team: 'platform', 'palette-keys.dev/kind': 'root-key' } },
    });
    expect(entryOf(store, ref, 'extra')).toBe('x');
  });
});

it('nothing of this is done by --dry-run', async () => {
  const store = copyOf(ours);
  for (const ref of [...Object.keys(COMPUTED), ...Object.keys(LEAVES)]) OF_FILES['emptied']?.(store, ref);
  const before = fingerprintOf(store, { times: true });
  const { code, document } = await init(store, '--dry-run');
  expect(code).toBe(0);
  expect(document.counts['restore']).toBe(11);
  expect(fingerprintOf(store, { times: true })).toEqual(before);
  expect(newFolder()).not.toBe(store);
});
