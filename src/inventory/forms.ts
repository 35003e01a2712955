import { DamagedError } from '../errors.ts';
import type { Facts, Material } from '../ledger/entry.ts';
import { entry } from '../ledger/text.ts';
import type { EntryForm, VersionedKind } from './kind.ts';

/** Material that is sound but for entries that its kind does not have: without them it can be used. */
export class SurplusEntries extends DamagedError {
  readonly remedy: string;

  constructor(names: readonly string[], { id }: Pick<VersionedKind, 'id'>) {
    const what = `the ${names.length === 1 ? 'entry' : 'entries'} ${names.map(shown).join(', ')}`;
    super(`it holds ${what}, which no ${id} has`);
    this.remedy = `take ${what} out of it; the key in it is sound`;
  }
}

/** Throws DamagedError where entries are missing or contradict each other, SurplusEntries where there are more. */
export function factsOf(kind: Pick<VersionedKind, 'id' | 'forms' | 'inspect'>, { alg, entries }: Material): Facts {
  const failures: DamagedError[] = [];
  for (const form of kind.forms) {
    try {
      const facts = kind.inspect({
        alg,
        entries: Object.fromEntries(form.map((name) => [name, entry(entries, name)])),
      });
      refuseSurplus(entries, form, kind);
      return facts;
    } catch (error) {
      if (!(error instanceof DamagedError) || error instanceof SurplusEntries) throw error;
      failures.push(error);
    }
  }
  // Of several forms the one that is there tells more than the one that is not.
  const index = kind.forms.findIndex((form) => form.every((name) => Object.hasOwn(entries, name)));
  throw failures[index] ?? failures[0] ?? new DamagedError('it has no form');
}

function refuseSurplus(entries: Material['entries'], form: EntryForm, kind: Pick<VersionedKind, 'id'>): void {
  const surplus = Object.keys(entries).filter((name) => !form.includes(name));
  if (surplus.length > 0) throw new SurplusEntries(surplus, kind);
}

/** Names come from outside: on a cluster they have this alphabet, in a folder any. */
function shown(name: string): string {
  return /^[-._a-zA-Z0-9]{1,64}$/.test(name) ? name : '(with an unusual name)';
}
