import { PaletteKeysError } from '../errors.ts';
import { ledgerSecret } from '../installation/ledger-name.ts';
import type { InstallationSpec } from '../installation/spec.ts';
import { formatTime, type KindId } from '../ledger/entry.ts';
import type { VersionRecord } from '../ledger/record.ts';
import { textEntry } from '../ledger/text.ts';
import { formatRef } from '../ports/object-ref.ts';
import type { ApplyPorts } from './ports.ts';

/**
 * Deletes the ledger entry of a version that the record calls destroyed. The record comes first: an entry that it still
 * counts on would be missed. An entry that is gone already is fine, one that holds another key is left.
 */
export async function deleteEntry(
  spec: InstallationSpec,
  kind: KindId,
  { n, kid, state }: VersionRecord,
  { store, actor, clock, signal }: ApplyPorts,
): Promise<void> {
  if (state !== 'destroyed') throw new Error('an entry that the record counts on is never deleted');
  const ref = ledgerSecret(spec, kind, n);
  const lock = await store.lock({ command: actor.command, user: actor.user, since: formatTime(clock.now()) });
  try {
    const found = await store.get(ref);
    if (found === undefined) return;
    if (found.damage === undefined && textEntry(found.data, 'kid') !== kid) {
      throw new PaletteKeysError('REFUSED', `${formatRef(ref)} does not hold ${kid}`, {
        hint: 'find out who replaced it; it was left as it is',
      });
    }
    signal.throwIfAborted();
    if ((await store.remove(ref, found.version)) === 'removed') return;
    throw new PaletteKeysError('CONFLICT', `${formatRef(ref)} was changed by somebody else`, {
      hint: 'run the command again',
    });
  } finally {
    await lock.release();
  }
}
