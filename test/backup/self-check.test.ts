// Covers: src/backup/plan/open.ts

/** What would make a backup that cannot be restored is found before a byte is written, and is not blamed on a disk. */
import { beforeAll, describe, expect, test } from 'vitest';
import { checkOpens } from '../../src/backup/plan/open.ts';
import { VERSIONED } from '../../src/inventory/index.ts';
import {
  edit,
  editData,
  installation,
  ledgerFacts,
  ledgerRef,
  objectIn,
  smallSpec,
  storeWith,
} from '../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../support/memory-store.ts';
import { BAD, type List } from './bad-lists.ts';
import { backupOf, command, commandWell, documentOf, Files, FOR, WITH } from './bench.ts';

let made: Snapshot;
beforeAll(async () => {
  made = await installation(smallSpec({ messageBus: { service: 'nats', dnsNames: [] } }));
});

const BACKUP = ['backup', '--out', 'b.age', ...FOR];
const KINDS = VERSIONED.filter(({ policy }) => policy.madeByInit).map(({ id }) => id);

async function findings(store: MemoryStore): Promise<readonly { code: string; subject: string; remedy: string }[]> {
  return documentOf(await command(store, ['status', '-o', 'json'])).findings;
}

async function expectRestorable(store: MemoryStore): Promise<void> {
  const files = new Files();
  await commandWell(store, BACKUP, { files });
  const again = memoryStore();
  await commandWell(again, ['restore', 'b.age', ...WITH], { files });
  expect([...ledgerFacts(again.snapshot()).keys()].sort()).toEqual([...ledgerFacts(made).keys()].sort());
}

describe.each(KINDS)('an entry of %s', (kind) => {
  test('with more in it than its kind has is damaged for status, backup and init, and sound once that is taken out', async () => {
    const store = storeWith(made);
    editData(store, ledgerRef(kind), () => ({ 'run.sh': 'echo' }));
    const damage = (await findings(store)).find(({ code }) => code === 'LEDGER_ENTRY_DAMAGED');
    expect(damage?.remedy).toBe('take the entry run.sh out of it; the key in it is sound');
    for (const argv of [BACKUP, [...BACKUP, '--dry-run'], ['init', '--yes']]) {
      const { code, stderr } = await command(store, argv);
      expect([code, stderr.includes('disk')], stderr).toEqual([5, false]);
    }
    editData(store, ledgerRef(kind), () => ({ 'run.sh': undefined }));
    expect((await findings(store)).filter(({ code }) => code.startsWith('LEDGER_'))).toEqual([]);
    await expectRestorable(store);
  });

  test('whose labels were lost or changed is backed up with its own, for the record knows it', async () => {
    for (const installation of [undefined, 'other']) {
      const store = storeWith(made);
      // The label of the first root key decides whose installation it is.
      if (kind === 'root-key') continue;
      edit(store, ledgerRef(kind), ({ labels }) => {
        const { 'palette-keys.dev/installation': _, ...others } = labels;
        return {
          labels: installation === undefined ? others : { ...others, 'palette-keys.dev/installation': installation },
        };
      });
      await expectRestorable(store);
    }
  });

  test('that is damaged, and that the record does not know, is named by status and left out of a backup', async () => {
    const store = storeWith(made);
    const { version: _, ...object } = objectIn(made, ledgerRef(kind));
    store.put({ ...object, ref: ledgerRef(kind, 7), data: { ...object.data, kid: Buffer.from('a'.repeat(16)) } });
    const found = (await findings(store)).filter(({ code }) => code === 'LEDGER_ENTRY_UNRECORDED');
    expect(found.map(({ subject, remedy }) => [subject.split('/').at(-1), remedy])).toEqual([
      [ledgerRef(kind, 7).name, 'move it away and keep it'],
    ]);
    await expectRestorable(store);
  });
});

test('every List that cannot be restored is refused as what it is, before it is written', async () => {
  const list: List = JSON.parse((await backupOf(made)).toString());
  const foreign: List = JSON.parse((await backupOf(await installation())).toString());
  for (const [name, change, , code] of BAD) {
    const bad = structuredClone(list);
    change(bad, structuredClone(foreign));
    const check = () => checkOpens(Buffer.from(JSON.stringify(bad)));
    if (code === undefined) expect(check, name).toThrow(/^a backup made now could not be restored/);
  }
});
