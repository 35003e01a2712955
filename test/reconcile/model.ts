/**
 * Random histories of one installation: runs of `init` that are undisturbed, fail or are killed, changes of the spec, and
 * everything that people and disks do to a store. `init` has to bring it right, or to refuse and say so.
 */
import fc from 'fast-check';
import { PaletteKeysError } from '../../src/errors.ts';
import type { InstallationSpec } from '../../src/installation/spec.ts';
import type { FoundObject } from '../../src/ports/key-store.ts';
import { formatRef } from '../../src/ports/object-ref.ts';
import { ManualClock } from '../support/clock.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import {
  AUDIT,
  edit,
  factsOf,
  init,
  installation,
  LEDGER,
  objectIn,
  RECORD,
  smallSpec,
} from '../support/installations.ts';
import { type MemoryStore, memoryStore, type Snapshot } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';
import { faultsOf } from './checker.ts';
import { LedgerWatch } from './ledger-watch.ts';

const SPECS: readonly InstallationSpec[] = [
  smallSpec(),
  smallSpec({ mongodb: { members: 2 }, grpc: { dnsNames: ['grpc.example.org'] }, jwt: { algorithm: 'HS256' } }),
  smallSpec({
    serviceCertificates: {
      services: [
        { name: 'auth', dnsNames: ['a.example.org'] },
        { name: 'ui', namespace: 'ui' },
      ],
    },
  }),
];

type Harm = 'remove' | 'damage' | 'transplant' | 'spoil';

interface Run {
  readonly type: 'run' | 'fail' | 'kill';
  readonly spec: number;
  /** The write that goes wrong. */
  readonly n: number;
  readonly after: boolean;
}

interface Harmed {
  readonly type: Harm;
  readonly object: number;
  readonly entry: number;
}

type Event = Run | Harmed | { readonly type: 'clock'; readonly hours: number };

const index = fc.nat({ max: 999 });
const events: fc.Arbitrary<readonly Event[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: run('run') },
    { weight: 1, arbitrary: run('fail') },
    { weight: 2, arbitrary: run('kill') },
    { weight: 2, arbitrary: harm('remove') },
    { weight: 1, arbitrary: harm('damage') },
    { weight: 1, arbitrary: harm('transplant') },
    { weight: 1, arbitrary: harm('spoil') },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant('clock' as const), hours: fc.integer({ min: -2, max: 900 }) }),
    },
  ),
  { minLength: 3, maxLength: 14, size: 'max' },
);

function run(type: Run['type']): fc.Arbitrary<Event> {
  const spec = fc.nat({ max: SPECS.length - 1 });
  return fc.record({ type: fc.constant(type), spec, n: fc.integer({ min: 1, max: 26 }), after: fc.boolean() });
}

function harm(type: Harm): fc.Arbitrary<Event> {
  return fc.record({ type: fc.constant(type), object: index, entry: index });
}

/** Runs histories until enough of them were run, or the time (if given) is over; throws with the shortest one that went wrong. */
export async function checkHistories(limits: { readonly runs: number; readonly seconds?: number }): Promise<void> {
  const pool = new RsaPool();
  pool.install();
  try {
    const foreign = await installation();
    const mark = pool.mark();
    const property = fc.asyncProperty(events, async (history) => {
      pool.rewind(mark);
      const faults = await new History(foreign).live(history);
      if (faults.length > 0) throw new Error(faults.join('\n'));
    });
    await fc.assert(property, {
      numRuns: limits.runs,
      ...(limits.seconds === undefined ? {} : { interruptAfterTimeLimit: limits.seconds * 1000 }),
      endOnFailure: false,
    });
  } finally {
    pool.uninstall();
  }
}

class History {
  readonly #store: MemoryStore = memoryStore();
  readonly #clock = new ManualClock();
  readonly #watch = new LedgerWatch();
  readonly #foreign: Snapshot;
  readonly #faults: string[] = [];
  /** True once somebody harmed the audit log; a run begins a new one at the most, and never repairs it. */
  #auditHarmed = false;
  /** What stood where somebody has changed something since all was well; undefined: nothing. */
  readonly #before = new Map<string, FoundObject | undefined>();

  /** Places from which the last thing that somebody did was to take the object away. */
  readonly #removed = new Set<string>();

  constructor(foreign: Snapshot) {
    this.#foreign = foreign;
  }

  async live(history: readonly Event[]): Promise<readonly string[]> {
    for (const [at, event] of [...history, { type: 'run', spec: 0, n: 0, after: false } as const].entries()) {
      const known = this.#faults.length + this.#watch.faults.length;
      await this.#happen(event);
      this.#watch.look(this.#store.snapshot());
      const faults = [...this.#faults, ...this.#watch.faults];
      if (faults.length > known) return faults.map((fault) => `event ${at}, ${event.type}: ${fault}`);
    }
    return [];
  }

  async #happen(event: Event): Promise<void> {
    if (event.type === 'clock') return this.#clock.advance(event.hours * 3600);
    if ('object' in event) return this.#harm(event);
    return event.type === 'run' ? this.#run(event.spec) : this.#disturbedRun(event);
  }

  async #run(spec: number): Promise<void> {
    const before = contents(this.#store.snapshot());
    const error = await this.#init(this.#watched(), spec);
    if (error instanceof PaletteKeysError && error.exit === 5) {
      if (contents(this.#store.snapshot()) !== before) this.#faults.push(`refused, but written: ${error.message}`);
      this.#undo();
      const again = await this.#init(this.#watched(), spec);
      if (again !== undefined) this.#faults.push(`all was put back, but: ${inWords(again)}`);
    } else if (error !== undefined) {
      this.#faults.push(inWords(error));
    }
    await this.#assertComplete(spec);
  }

  async #assertComplete(spec: number): Promise<void> {
    if (this.#faults.length > 0) return;
    const faults = faultsOf(this.#store.snapshot(), SPECS[spec] ?? smallSpec());
    this.#faults.push(...faults.filter((fault) => !(this.#auditHarmed && fault.includes('audit'))));
    const second = new FaultyStore(this.#store.again());
    const error = await this.#init(second, spec);
    if (error !== undefined) this.#faults.push(`a second run: ${inWords(error)}`);
    this.#faults.push(...second.log.map(({ operation, object }) => `a second run: ${operation} ${object}`));
    this.#before.clear();
  }

  async #disturbedRun({ type, spec, n, after }: Run): Promise<void> {
    const injected = new Error('injected');
    const store = this.#watched();
    if (type === 'kill') store.killAt(n, after ? 'after' : 'before', injected);
    else store.failAt(n, after ? 'after' : 'before', injected);
    const error = await this.#init(store, spec);
    this.#store.afterCrash();
    this.#forgetWhatIsBack();
    const refused = error instanceof PaletteKeysError && error.exit === 5;
    if (error !== undefined && error !== injected && !refused) this.#faults.push(inWords(error));
  }

  #watched(): FaultyStore {
    return this.#watch.over(this.#store, this.#store.again());
  }

  async #init(store: FaultyStore, spec: number): Promise<unknown> {
    return init(store, { spec: SPECS[spec], clock: this.#clock }).then(
      () => undefined,
      (error: unknown) => error ?? new Error('nothing was thrown'),
    );
  }

  #harm({ type, object, entry }: Harmed): void {
    const { objects } = this.#store.snapshot();
    const found = objects[object % Math.max(1, objects.length)];
    if (found === undefined) return;
    const place = formatRef(found.ref);
    const original = this.#before.has(place) ? this.#before.get(place) : found;
    if (!this.#change(type, found, entry)) return;
    this.#before.set(place, original);
    if (type === 'remove') this.#removed.add(place);
    else this.#removed.delete(place);
    this.#auditHarmed ||= place === formatRef(AUDIT);
    this.#watch.forget(place);
  }

  /** True where something was changed. */
  #change(type: Harm, found: FoundObject, entry: number): boolean {
    const { ref } = found;
    if (type === 'remove') this.#store.take(ref);
    if (type === 'damage') this.#store.damage(ref, 'it is torn');
    if (type === 'remove' || type === 'damage') return true;
    // Of record and audit log any line may be somebody else's or anything; what then happens has tests of its own.
    const place = formatRef(ref);
    if (found.damage !== undefined || place === formatRef(AUDIT) || place === formatRef(RECORD)) return false;
    if (type === 'transplant') {
      if (this.#foreign.objects.every((object) => formatRef(object.ref) !== place)) return false;
      edit(this.#store, ref, () => ({ data: objectIn(this.#foreign, ref).data }));
      return true;
    }
    return this.#spoil(found.ref, Object.keys(found.data).sort()[entry % Object.keys(found.data).length] ?? '', entry);
  }

  #spoil(ref: FoundObject['ref'], name: string, how: number): boolean {
    // Nothing vouches for these two entries of the ledger.
    if (ref.namespace === LEDGER && (name === 'alg' || name === 'createdAt')) return false;
    edit(this.#store, ref, ({ data }) => {
      const bytes = data[name] ?? new Uint8Array();
      const shorter = bytes.slice(0, bytes.length >> 1);
      const { [name]: _, ...without } = data;
      return { data: how % 2 === 0 ? without : { ...data, [name]: shorter } };
    });
    return true;
  }

  /** What was taken away and is there again, the program has made again, as the same or, in an empty store, anew. */
  #forgetWhatIsBack(): void {
    const places = new Set(this.#store.snapshot().objects.map(({ ref }) => formatRef(ref)));
    for (const place of this.#removed) if (places.has(place)) this.#before.delete(place);
  }

  /** Puts back what was there before somebody changed it. */
  #undo(): void {
    for (const [place, found] of this.#before) {
      const ref = this.#store.snapshot().objects.find((object) => formatRef(object.ref) === place)?.ref;
      this.#watch.forget(place);
      if (found !== undefined && found.damage === undefined) this.#store.put(found);
      else if (found !== undefined) this.#store.damage(found.ref, found.damage);
      else if (ref !== undefined) this.#store.take(ref);
    }
    this.#before.clear();
  }
}

function contents(snapshot: Snapshot): string {
  return snapshot.objects.map((object) => `${formatRef(object.ref)} ${factsOf(object)}`).join('\n');
}

function inWords(error: unknown): string {
  if (error instanceof PaletteKeysError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
