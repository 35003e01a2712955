/**
 * Random histories of one key: rotations, steps by name, runs that die, two runs at once, clocks that move, consumers that
 * have it or not. Whatever happens, the transitions that the record shows have to be allowed by what was known then.
 */
import fc from 'fast-check';
import { PaletteKeysError } from '../../src/errors.ts';
import type { VersionRecord } from '../../src/ledger/record.ts';
import { exposedIn } from '../../src/ledger/replacement.ts';
import type { State } from '../../src/ledger/ring.ts';
import type { KeyStore } from '../../src/ports/key-store.ts';
import { DAY, ManualClock } from '../support/clock.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { configMap, installation, objectIn, PLATFORM, recordIn, storeWith } from '../support/installations.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { platform, pod, type RotateOptions, rotate, workloadsOf } from './bed.ts';
import { ALLOWED } from './machine-model.ts';

const KIND = 'jwt-signing-key';
const CACHES = 900;
const TOKENS = 86_700;

interface Run {
  readonly type: 'rotate' | 'rollback' | 'retire' | 'reinstate' | 'destroy';
  readonly answer: 'current' | 'behind' | 'unknown' | 'assumed';
  readonly compromised: boolean;
  readonly again: boolean;
  /** The version that is meant, counted from the newest. */
  readonly version: number;
}

type Event =
  | Run
  | { readonly type: 'crash'; readonly run: Run; readonly n: number; readonly after: boolean; readonly kills: boolean }
  | { readonly type: 'two'; readonly runs: readonly [Run, Run] }
  | { readonly type: 'clock'; readonly seconds: number };

const often = <T>(value: T, weight: number) => ({ weight, arbitrary: fc.constant(value) });

const run: fc.Arbitrary<Run> = fc.record({
  type: fc.oneof(
    often('rotate' as const, 6),
    often('rollback' as const, 2),
    often('retire' as const, 1),
    often('reinstate' as const, 1),
    often('destroy' as const, 1),
  ),
  answer: fc.oneof(
    often('current' as const, 4),
    often('behind' as const, 1),
    often('unknown' as const, 1),
    often('assumed' as const, 1),
  ),
  compromised: fc.oneof(often(false, 7), often(true, 1)),
  again: fc.boolean(),
  version: fc.nat({ max: 2 }),
});

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 5, arbitrary: run },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('crash' as const),
      run,
      n: fc.integer({ min: 1, max: 16 }),
      after: fc.boolean(),
      kills: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('two' as const), runs: fc.tuple(run, run) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('clock' as const),
      seconds: fc.constantFrom(-120, 60, CACHES - 1, CACHES, 7200, TOKENS, 2 * DAY),
    }),
  },
);

/** Runs histories until enough of them were run, or the time is over; throws with the shortest one that went wrong. */
export async function checkRotations(limits: { readonly runs: number; readonly seconds: number }): Promise<number> {
  const made = await installation();
  let histories = 0;
  const property = fc.asyncProperty(fc.array(event, { minLength: 3, maxLength: 12, size: 'max' }), async (events) => {
    const faults = await new History(made).live(events);
    histories += 1;
    if (faults.length > 0) throw new Error(faults.join('\n'));
  });
  await fc.assert(property, {
    numRuns: limits.runs,
    interruptAfterTimeLimit: limits.seconds * 1000,
    endOnFailure: false,
  });
  return histories;
}

interface Transition {
  readonly n: number;
  readonly from: string | undefined;
  readonly to: string;
  readonly at: number;
}

class History {
  readonly #store: MemoryStore;
  readonly #clock = new ManualClock();
  readonly #faults: string[] = [];
  #at = 0;
  /** When consumers were said to be current: at which event, and what the clock showed. */
  readonly #confirmed: { readonly event: number; readonly time: number }[] = [];
  /** At which event each version entered its present state. */
  readonly #entered = new Map<number, number>();
  #known: readonly VersionRecord[];
  /** True once somebody said that the key is compromised: soak times count for nothing then. */
  #compromised = false;

  constructor(made: Snapshot) {
    this.#store = storeWith(made);
    this.#clock.advance(2 * DAY);
    this.#known = this.#versions();
  }

  async live(events: readonly Event[]): Promise<readonly string[]> {
    for (const each of events) {
      this.#at += 1;
      await this.#happen(each);
      this.#check();
      if (this.#faults.length > 0) return this.#faults.map((fault) => `event ${this.#at}, ${each.type}: ${fault}`);
    }
    return [];
  }

  async #happen(each: Event): Promise<void> {
    this.#compromised = false;
    if (each.type === 'clock') return this.#clock.advance(each.seconds);
    if (each.type === 'two') {
      await Promise.all(each.runs.map((one) => this.#try(one, this.#store.again())));
      return;
    }
    if (each.type === 'crash') {
      const faulty = new FaultyStore(this.#store.again());
      const moment = each.after ? 'after' : 'before';
      if (each.kills) faulty.killAt(each.n, moment);
      else faulty.failAt(each.n, moment);
      await this.#try(each.run, faulty);
      this.#store.afterCrash();
      return;
    }
    await this.#undisturbed(each);
  }

  async #undisturbed(each: Run): Promise<void> {
    const { ready: wasReady, keys } = recordIn(this.#store.snapshot());
    const before = this.#versions();
    const exposed = exposedIn(keys[KIND]);
    const error = await this.#try(each, this.#store.again());
    if (each.type !== 'rollback' || !wasReady) return;
    // What was accepted all the time can come back at once, whatever the evidence.
    const active = before.find(({ state }) => state === 'active')?.n ?? 0;
    const published = before.some(({ state }) => state === 'published');
    const activeSince = ({ history }: VersionRecord): number =>
      Date.parse(history.findLast(({ state }) => state === 'active')?.at ?? '') || 0;
    const older = before
      .filter((each) => each.n < active && each.state === 'trusted' && !exposed.has(each.n) && activeSince(each) > 0)
      .sort((a, b) => activeSince(a) - activeSince(b))
      .at(-1);
    const isReinstated = ['retired', 'destroyed'].includes(older?.history.at(-2)?.state ?? '');
    if (published || older === undefined || isReinstated) return;
    const now = this.#versions().find(({ n }) => n === older.n)?.state;
    if (now !== 'active') this.#faults.push(`v${older.n} did not come back: ${String(error)}`);
  }

  /** Whatever else is thrown than a refusal, or what the test itself did, is a fault. */
  async #try(one: Run, store: KeyStore): Promise<unknown> {
    const versions = this.#versions();
    const kid = versions.at(-(1 + (one.version % versions.length)))?.kid ?? '';
    const request = one.type === 'rotate' ? undefined : requestOf(one.type, kid);
    const { compromised, again } = one;
    if (compromised && one.type === 'rotate') this.#compromised = true;
    if (one.answer === 'current' || one.answer === 'assumed') {
      this.#confirmed.push({ event: this.#at, time: this.#clock.now().getTime() });
    }
    try {
      await rotate(store, KIND, {
        clock: this.#clock,
        request,
        ...(one.type === 'rotate' ? { compromised, again } : {}),
        ...this.#answer(one.answer),
      });
      return undefined;
    } catch (error) {
      const expected = error instanceof PaletteKeysError || (error instanceof Error && error.message === 'killed');
      if (!expected) this.#faults.push(`it threw ${String(error)}`);
      return error;
    }
  }

  #answer(answer: Run['answer']): RotateOptions {
    if (answer === 'unknown') return {};
    if (answer === 'assumed') return { assumeConsumersCurrent: true };
    const uses = [{ object: platform(KIND), container: 'main', how: 'env' as const }];
    const old = pod('auth-1', '2026-01-01T00:00:00Z', { uses });
    return {
      workloads: workloadsOf(
        () => (answer === 'current' ? [pod('auth-1', undefined, { uses: [] })] : [old]),
        () => this.#clock.now(),
      ),
    };
  }

  #versions(): readonly VersionRecord[] {
    return recordIn(this.#store.snapshot()).keys[KIND].versions;
  }

  #check(): void {
    const versions = this.#versions();
    if (versions.filter(({ state }) => state === 'active').length !== 1) this.#faults.push('not one active version');
    if (new Set(versions.map(({ kid }) => kid)).size !== versions.length) this.#faults.push('a kid came twice');
    versions.forEach(({ n }, index) => {
      if (n !== index + 1) this.#faults.push(`v${n} is not the ${index + 1}th`);
    });
    for (const old of this.#known) {
      const now = versions.find(({ n }) => n === old.n);
      const same = JSON.stringify(now?.history.slice(0, old.history.length)) === JSON.stringify(old.history);
      if (now?.kid !== old.kid || !same) this.#faults.push(`v${old.n} has another past`);
    }
    for (const transition of transitionsFrom(this.#known, versions)) this.#judge(transition, versions);
    this.#known = versions;
    this.#checkMounted();
  }

  #judge({ n, from, to, at }: Transition, versions: readonly VersionRecord[]): void {
    const entered = this.#entered.get(n) ?? 0;
    const activeSince = Math.max(
      ...versions.filter(({ state }) => state === 'active').map((each) => this.#entered.get(each.n) ?? 0),
    );
    this.#entered.set(n, this.#at);
    if (
      from === undefined ? to !== 'published' : !(ALLOWED[from as State] as readonly string[] | undefined)?.includes(to)
    )
      this.#faults.push(`v${n}: ${from} → ${to}`);
    if (this.#compromised) return;
    if (from === 'published' && to === 'active' && !this.#knewFor(entered, at, CACHES)) {
      this.#faults.push(`v${n} signs, and verifiers may not know it`);
    }
    if (from === 'trusted' && to === 'retired' && !this.#knewFor(activeSince, at, TOKENS)) {
      this.#faults.push(`v${n} is retired, and its tokens may live`);
    }
  }

  /** True where consumers were said to be current at or after an event, and so many seconds before the time. */
  #knewFor(since: number, at: number, seconds: number): boolean {
    return this.#confirmed.some(({ event: when, time }) => when >= since && at - time >= seconds * 1000);
  }

  /** Whoever starts now signs with a key that whoever starts now accepts, in every moment. */
  #checkMounted(): void {
    const snapshot = this.#store.snapshot();
    const kid = Buffer.from(objectIn(snapshot, platform(KIND)).data['kid'] ?? []).toString();
    const jwks = objectIn(snapshot, configMap(PLATFORM, 'palette-jwks')).data['jwks.json'] ?? [];
    if (!Buffer.from(jwks).toString().includes(kid)) this.#faults.push(`the key set lacks the signing key ${kid}`);
    if (!recordIn(snapshot).ready) return;
    const active = this.#known.find(({ state }) => state === 'active')?.kid;
    if (active !== kid) this.#faults.push(`the record says ${active}, signers have ${kid}`);
  }
}

function requestOf(type: Exclude<Run['type'], 'rotate'>, kid: string): RotateOptions['request'] {
  return type === 'rollback' ? { type } : { type, kid };
}

/** What histories have gained, in the order of time. */
function transitionsFrom(before: readonly VersionRecord[], after: readonly VersionRecord[]): readonly Transition[] {
  return after
    .flatMap(({ n, history }) => {
      const known = before.find((version) => version.n === n)?.history.length ?? 0;
      return history.slice(known).map(({ state, at }, index) => ({
        n,
        from: history[known + index - 1]?.state,
        to: state,
        at: Date.parse(at),
      }));
    })
    .sort((a, b) => a.at - b.at);
}
