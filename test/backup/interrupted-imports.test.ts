/** `csr` and `import-cert`, killed at every write: the next run leaves no version that the record does not know. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { haveTools } from '../scenarios/program/tools.ts';
import { FaultyStore, type Moment } from '../support/faulty-store.ts';
import { editRecord, installation, recordIn, smallSpec, storeWith } from '../support/installations.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';
import { command, commandWell, findingsOf } from './bench.ts';
import { certificates, clock, FQDN, importing } from './certificates.ts';

const pool = new RsaPool();
let made: Snapshot;
let mark: ReturnType<RsaPool['mark']>;

beforeAll(async () => {
  pool.install();
  made = await installation(smallSpec({ rootDomain: FQDN }), { clock });
  mark = pool.mark();
});
beforeEach(() => pool.rewind(mark));
afterAll(() => pool.uninstall());

const CSR = ['csr', '--key-type', 'p-256'];
const OTHER_CSR = [...CSR, '--fqdn', 'other.example.org'];
const KINDS = ['fqdn-key', 'fqdn-certificate'];

/** `before`: done to its end; then `killed`; then `next`, to its end. */
interface Case {
  readonly name: string;
  readonly before?: readonly string[];
  readonly killed: readonly string[];
  readonly next: readonly string[];
}

const CASES: readonly Case[] = [
  { name: 'the same csr', killed: CSR, next: CSR },
  { name: 'a csr for another name', killed: CSR, next: OTHER_CSR },
  { name: 'the same csr, after one for another name', before: OTHER_CSR, killed: CSR, next: CSR },
  { name: 'the csr before it', before: CSR, killed: OTHER_CSR, next: CSR },
  { name: 'the same import', killed: importing(1), next: importing(1) },
  { name: 'the import of another certificate', killed: importing(1), next: importing(2) },
  { name: 'the same import, after another one', before: importing(2), killed: importing(1), next: importing(1) },
  { name: 'the import before it', before: importing(1), killed: importing(2), next: importing(1) },
];

/** Numbers, kids and states of both kinds, and what the ledger has of them. */
function versionsOf(store: MemoryStore) {
  const { keys } = recordIn(store.snapshot());
  const recorded = KINDS.flatMap((kind) =>
    (keys[kind]?.versions ?? []).map(({ n, state }: { n: number; state: string }) => `${kind}-v${n} ${state}`),
  );
  const names = store.snapshot().objects.map(({ ref }) => ref.name);
  const entries = names.flatMap((name) => /^palette-key-(fqdn-.+-v\d+)$/.exec(name)?.[1] ?? []);
  return { recorded, unrecorded: entries.filter((name) => !recorded.some((one) => one.startsWith(`${name} `))) };
}

describe.skipIf(!haveTools('openssl'))('csr and import-cert', () => {
  const texts = certificates();

  async function begin({ before }: Case): Promise<MemoryStore> {
    pool.rewind(mark);
    const store = storeWith(made);
    if (before !== undefined) await commandWell(store, before, { clock, texts });
    return store;
  }

  test.each(CASES)('killed at any write, and followed by $name: nothing stays unrecorded', async (one) => {
    const counting = new FaultyStore(await begin(one));
    const undisturbed = await command(counting, one.killed, { clock, texts });
    expect([undisturbed.code, counting.writes > 3]).toEqual([0, true]);
    const same = String(one.killed) === String(one.next);
    const alone = await begin(one);
    await commandWell(alone, one.next, { clock, texts });
    const faults: string[] = [];
    let runs = 0;
    for (const moment of ['before', 'after'] satisfies Moment[]) {
      for (let n = 1; n <= counting.writes; n++) {
        runs += 1;
        const store = await begin(one);
        const killed = await command(new FaultyStore(store).killAt(n, moment), one.killed, { clock, texts });
        if (killed.code !== 70) faults.push(`${moment} write ${n}: the killed run ended with ${killed.code}`);
        const next = await command(store.afterCrash(), one.next, { clock, texts });
        if (next.code !== 0) faults.push(`${moment} write ${n}: the next run ended with ${next.code}: ${next.stderr}`);
        const { recorded, unrecorded } = versionsOf(store);
        const found = n % 3 === 1 ? await findingsOf(store, { clock }) : [];
        const told = found.filter((code) => /UNRECORDED|INCOMPLETE/.test(code));
        const wrong = same && String(recorded) !== String(versionsOf(alone).recorded) ? recorded : [];
        const all = [...unrecorded, ...told, ...wrong];
        if (all.length > 0) faults.push(`${moment} write ${n}: ${all}`);
      }
    }
    expect([faults, runs]).toEqual([[], 2 * counting.writes]);
  });

  test('what 0.1.0 left beside a version of the same request is recorded, and the request stays the one that was sent', async () => {
    const store = storeWith(made);
    const first = await commandWell(store, CSR, { clock, texts });
    // As its second run did: v1 without a record, v2 with one.
    await commandWell(store, OTHER_CSR, { clock, texts });
    const second = await commandWell(store, OTHER_CSR, { clock, texts });
    editRecord(store, ({ keys }) => {
      keys['fqdn-key'].versions = keys['fqdn-key'].versions.filter(({ n }: { n: number }) => n === 2);
    });
    expect(versionsOf(store).unrecorded).toEqual(['fqdn-key-v1']);
    expect((await commandWell(store, OTHER_CSR, { clock, texts })).stdout).toBe(second.stdout);
    expect(versionsOf(store)).toEqual({ recorded: ['fqdn-key-v1 retired', 'fqdn-key-v2 active'], unrecorded: [] });
    expect(first.stdout).not.toBe(second.stdout);
  });
});
