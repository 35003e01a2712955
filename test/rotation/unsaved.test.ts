/** What a rotation says of a new root key that no backup holds. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { ManualClock } from '../support/clock.ts';
import { editRecord } from '../support/installations.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { rotate } from './bed.ts';
import { installedOnce } from './installed.ts';

const MARK = { file: 'b.age', sha256: 'a'.repeat(64), at: '2027-01-02T00:00:00Z', recipients: ['age1x'] };

let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce();

beforeEach(() => {
  ({ store, clock } = fresh());
});

async function unsaved(kind: string): Promise<readonly string[]> {
  const { notes } = await rotate(store, kind, { clock, assumeConsumersCurrent: true, noTenantStore: true });
  return notes.filter((note) => note.startsWith('no backup holds'));
}

describe('a new root key', () => {
  const kind = 'root-key';

  test('that no backup holds is named, with the command that makes one, each time', async () => {
    const said = [expect.stringMatching(`^no backup holds ${kind} v2, .*: palette-keys backup --out FILE`)];
    expect(await unsaved(kind)).toEqual(said);
    expect(await unsaved(kind)).toEqual(said);
  });

  test('that a backup holds is not', async () => {
    await unsaved(kind);
    editRecord(store, ({ keys }) => {
      keys[kind].versions[1].backups.push(MARK);
    });
    expect(await unsaved(kind)).toEqual([]);
  });
});

test('that no backup holds a new key of another kind, status alone tells', async () => {
  expect(await unsaved('jwt-signing-key')).toEqual([]);
});
