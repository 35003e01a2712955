import { PaletteKeysError } from '../../errors.ts';
import { asManifest, keyFinder } from '../../ledger/traces.ts';
import type { Entries, FoundObject, KeyStore, Leftover } from '../../ports/key-store.ts';
import { formatRef, type ObjectRef } from '../../ports/object-ref.ts';
import { isDestroyed, knownObjects, wantedKeys } from '../plan/findings/leftovers.ts';
import type { Snapshot } from '../plan/snapshot.ts';

/** What lies about in the store, by the kids of all versions. Secrets of others are looked into for destroyed ones alone. */
export async function withLeftovers(store: KeyStore, snapshot: Snapshot): Promise<Snapshot> {
  const wanted = wantedKeys(snapshot);
  const isAnyGone = wanted.some(({ kid }) => isDestroyed(snapshot, kid));
  const leftovers = await store.leftovers({
    known: knownObjects(snapshot),
    namespaces: isAnyGone ? [snapshot.spec.ledgerNamespace] : [],
    find: keyFinder(wanted),
  });
  return { ...snapshot, leftovers };
}

/** Where a key that is to be destroyed is found besides its ledger entry. */
export interface Traces {
  /** What the next run that takes the lock deletes. */
  readonly temps: readonly Leftover[];
  /** What has to be deleted by hand, or by another command, with that command. */
  readonly copies: readonly Pick<Leftover, 'place' | 'command'>[];
  readonly unread: readonly Leftover[];
}

/** One key in everything that lies in the store. Of `seen` the kid tells: a renewed certificate may share its key. */
export async function tracesOf(
  store: KeyStore,
  seen: Pick<Snapshot, 'ledger' | 'projections' | 'spec'>,
  { entry, kid }: { readonly entry: ObjectRef; readonly kid: string },
  entries?: Entries,
): Promise<Traces> {
  const wanted = { kid, name: entry.name };
  const sound = [...seen.ledger, ...seen.projections.values()].filter(({ damage }) => damage === undefined);
  const leftovers = await store.leftovers({
    known: new Set([...sound.map(({ ref }) => formatRef(ref)), formatRef(entry)]),
    namespaces: [seen.spec.ledgerNamespace],
    find: keyFinder([{ ...wanted, entries }]),
  });
  const find = keyFinder([wanted]);
  const others = sound.filter((object) => formatRef(object.ref) !== formatRef(entry) && holds(object, find));
  return {
    temps: leftovers.filter(({ isTemp }) => isTemp),
    copies: [
      ...others.map(({ ref }) => ({ place: formatRef(ref), command: 'palette-keys status' })),
      ...leftovers.filter(({ isTemp, kids }) => !isTemp && kids.length > 0),
    ],
    unread: leftovers.filter(({ isTemp, unread }) => !isTemp && unread !== undefined),
  };
}

function holds(object: FoundObject, find: (bytes: Uint8Array) => readonly string[]): boolean {
  return object.damage === undefined && object.ref.kind === 'Secret' && find(asManifest(object)).length > 0;
}

/** Throws REFUSED where the key would go on existing in the store after its entry is deleted. */
export function refuseCopies(kid: string, { copies }: Traces): void {
  if (copies.length === 0) return;
  const what = copies.length === 1 ? 'a copy' : `${copies.length} copies`;
  throw new PaletteKeysError('REFUSED', `${kid} would not be destroyed: ${what} of its key would stay in the store`, {
    hint: 'delete what is listed, then run the command again',
    details: copies.map(({ place, command }) => ({ message: `${place} seems to hold the key`, remedy: command })),
  });
}

/** Throws where the ledger entry is deleted, but its key is still somewhere in the store. */
export function assertGone(kid: string, { temps, copies }: Traces): void {
  const left = [...temps, ...copies];
  if (left.length === 0) return;
  const message = `the ledger entry of ${kid} is deleted, but the store still holds its key`;
  throw new PaletteKeysError('STORE_UNAVAILABLE', message, {
    hint: 'delete what is listed, then run the command again',
    details: left.map(({ place, command }) => ({ message: `${place} may hold the key`, remedy: command })),
  });
}
