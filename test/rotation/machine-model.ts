/**
 * Random sequences of what operators, clocks, crashes and gates do, on the pure machine with the gate of the JWT key: no
 * store, so that a hundred thousand are a matter of seconds. The record is a list of versions and a generation, which is
 * the precondition of every transition. (model.ts does the same through the whole program, and is slower.)
 */
import fc from 'fast-check';
import { defaultSpec } from '../../src/installation/defaults.ts';
import type { KeyRecord, VersionRecord } from '../../src/ledger/record.ts';
import { exposedIn, replacementsIn, withReplacement } from '../../src/ledger/replacement.ts';
import type { State } from '../../src/ledger/ring.ts';
import { decideStep, needsOf } from '../../src/rotation/decide.ts';
import { confirmationOf, withConfirmation } from '../../src/rotation/facts/confirmation.ts';
import type { Evidence, GateInput, RotationStep } from '../../src/rotation/gate.ts';
import { jwtSigningKey } from '../../src/rotation/gates/jwt-signing-key.ts';
import { nextStep } from '../../src/rotation/machine.ts';
import { type Request, requestedStep } from '../../src/rotation/request.ts';
import { movesOf } from '../../src/rotation/transitions.ts';

const spec = defaultSpec();
const MIN_INTERVAL = 86_400;
const CACHES = jwtSigningKey.soak('promote', spec, false);
const TOKENS = jwtSigningKey.soak('retire', spec, false);
/** Where a version can go from each state. */
export const ALLOWED: Readonly<Record<State, readonly State[]>> = {
  published: ['active', 'retired'],
  active: ['trusted'],
  trusted: ['active', 'retired'],
  retired: ['trusted', 'destroyed'],
  /** Where its entry is still there, or there again. */
  destroyed: ['trusted'],
};

interface Run {
  readonly type: 'rotate' | 'rollback' | 'retire' | 'reinstate' | 'destroy';
  readonly consumers: 'current' | 'behind' | 'unknown' | 'not asked';
  readonly compromised: boolean;
  readonly again: boolean;
  /** The version that is meant, counted from the newest. */
  readonly version: number;
  /** Transitions after which it dies. */
  readonly dies: number;
}

type Event =
  | Run
  | { readonly type: 'two'; readonly runs: readonly [Run, Run] }
  | { readonly type: 'clock'; readonly seconds: number };

const run: fc.Arbitrary<Run> = fc.record({
  type: fc.constantFrom('rotate', 'rotate', 'rotate', 'rollback', 'retire', 'reinstate', 'destroy'),
  consumers: fc.constantFrom('current', 'current', 'current', 'behind', 'unknown', 'not asked'),
  compromised: fc.constantFrom(false, false, false, true),
  again: fc.boolean(),
  version: fc.nat({ max: 3 }),
  dies: fc.constantFrom(9, 9, 0, 1, 2),
});
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: run },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('two' as const), runs: fc.tuple(run, run) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('clock' as const),
      seconds: fc.constantFrom(-120, 60, CACHES - 1, CACHES, 7200, TOKENS, MIN_INTERVAL),
    }),
  },
);

/** Runs that many sequences; throws with the shortest one that breaks an invariant. */
export function checkMachine(limits: { readonly runs: number }): void {
  fc.assert(
    fc.property(fc.array(event, { minLength: 3, maxLength: 30, size: 'max' }), (events) => new Machine().live(events)),
    { numRuns: limits.runs },
  );
}

class Machine {
  #now = Date.parse('2027-01-01T00:00:00Z');
  #generation = 1;
  #versions: readonly VersionRecord[] = [this.#made(1, 'active')];
  /** When consumers of a state were found to be current, and what was made in an emergency. */
  #evidence: KeyRecord['evidence'] = [];

  live(events: readonly Event[]): void {
    for (const each of events) {
      if (each.type === 'clock') this.#now += each.seconds * 1000;
      else if (each.type === 'two') this.#two(each.runs);
      else this.#run(each);
    }
  }

  #run(intent: Run): void {
    const before = this.#versions.length;
    for (let taken = 0; taken < intent.dies; taken++) {
      const step = this.#decide(intent, taken > 0, this.#versions.length > before);
      if (step === undefined) {
        this.#checkEmergency(intent, this.#versions.length > before);
        return;
      }
      this.#take(step, intent, this.#generation);
    }
  }

  /** Whoever is told that an emergency is over has another key in use, which was made for it; and no step was left out. */
  #checkEmergency(intent: Run, hasPublished: boolean): void {
    if (intent.type !== 'rotate' || !intent.compromised || this.#next(intent, false, hasPublished) !== undefined)
      return;
    const active = this.#versions.find(({ state }) => state === 'active');
    const fits = active !== undefined && replacementsIn(this.#key()).has(active.n);
    this.#expect(fits, 'the compromised key is active');
    this.#expect(
      this.#versions.every(({ state }) => state !== 'published'),
      'an emergency ends with a published key',
    );
  }

  #key(): KeyRecord {
    return { versions: this.#versions, evidence: this.#evidence };
  }

  /** Both decide on the same record; the one that writes later meets another generation. */
  #two([one, other]: readonly [Run, Run]): void {
    const decided = this.#generation;
    const [first, second] = [this.#decide(one, false, false), this.#decide(other, false, false)];
    if (first !== undefined) this.#take(first, one, decided);
    if (second !== undefined) this.#take(second, other, decided);
  }

  /** The step whose gate is open, or undefined. */
  #decide(intent: Run, hasMoved: boolean, hasPublished: boolean): RotationStep | undefined {
    const step = this.#next(intent, hasMoved, hasPublished);
    if (step === undefined) return undefined;
    const gateInput: GateInput = {
      ...{ kind: 'jwt-signing-key', step, versions: this.#versions, spec },
      ...{ compromised: intent.compromised, acceptResets: undefined },
    };
    let evidence: Evidence = {};
    for (const need of needsOf(jwtSigningKey, gateInput)) {
      if (need.type !== 'consumers') throw new Error(`it asks for ${need.type}`);
      const now = new Date(this.#now);
      if (intent.consumers === 'current' && confirmationOf(this.#key(), need.entry, now) === undefined) {
        const confirmation = { confirmedAt: now.toISOString(), by: 'pods' } as const;
        this.#evidence = withConfirmation(this.#key(), need.entry, confirmation);
      }
      const at = confirmationOf(this.#key(), need.entry, now)?.at;
      if (at !== undefined) evidence = { consumers: { status: 'current', at } };
      else if (intent.consumers === 'behind') evidence = { consumers: { status: 'behind', blockers: ['Pod a/b'] } };
      else if (intent.consumers === 'unknown') evidence = { consumers: { status: 'unknown', reason: 'no access' } };
    }
    return decideStep(jwtSigningKey, gateInput, evidence, new Date(this.#now)).open ? step : undefined;
  }

  #next(intent: Run, hasMoved: boolean, hasPublished: boolean): RotationStep | undefined {
    if (intent.type === 'rotate') {
      const { again, compromised } = intent;
      const mayStart = compromised ? !hasPublished : !hasMoved;
      const wishes = {
        mayStart,
        again,
        compromised,
        minInterval: MIN_INTERVAL,
        keepsTrusted: false,
        guardsData: false,
      };
      const replacements = replacementsIn(this.#key());
      const next = nextStep(this.#versions, { ...wishes, replacements }, new Date(this.#now));
      return next.type === 'done' || next.type === 'too-recent' ? undefined : next;
    }
    if (hasMoved) return undefined;
    const kid = this.#versions.at(-1 - intent.version)?.kid ?? 'none';
    const request: Request = intent.type === 'rollback' ? { type: 'rollback' } : { type: intent.type, kid };
    const asked = requestedStep(this.#versions, request, exposedIn(this.#key()));
    return asked.type === 'done' || asked.type === 'refused' ? undefined : asked;
  }

  /** One update of the record, with its generation as the precondition. */
  #take(step: RotationStep, intent: Run, decided: number): void {
    if (decided !== this.#generation) return;
    this.#generation += 1;
    const before = this.#versions;
    if (step.type === 'publish') {
      this.#expect(
        before.every(({ state }) => state !== 'published'),
        'two are published',
      );
      const n = before.length + 1;
      this.#versions = [...before, this.#made(n, 'published')];
      if (intent.compromised) this.#evidence = withReplacement(this.#evidence, n);
    }
    for (const [n, to] of movesOf(step, before)) this.#move(n, to, step, intent);
    this.#check(before);
  }

  #move(n: number, to: State, step: RotationStep, { compromised }: Run): void {
    const version = this.#versions.find((each) => each.n === n);
    if (version === undefined) throw new Error(`no v${n}`);
    const isRepeated = version.state === 'destroyed' && to === 'destroyed';
    this.#expect(isRepeated || ALLOWED[version.state].includes(to), `v${n} goes from ${version.state} to ${to}`);
    if (to === 'active' && !('back' in step)) this.#expectSoaked(version, CACHES, compromised);
    const isExposed = version.state === 'published' && !replacementsIn(this.#key()).has(n);
    this.#expect(!(compromised && to === 'active' && isExposed), `v${n} stood beside the compromised key`);
    const active = this.#versions.find(({ state }) => state === 'active');
    if (to === 'retired' && version.state === 'trusted' && active !== undefined) {
      this.#expectSoaked(active, TOKENS, compromised);
    }
    const at = new Date(this.#now).toISOString();
    const moved = { ...version, state: to, since: at, history: [...version.history, { state: to, at }] };
    this.#versions = this.#versions.map((each) => (each.n === n ? moved : each));
  }

  /** Everybody was found to have it so long ago: the old key is out of every cache, or its last token has expired. */
  #expectSoaked(version: VersionRecord, seconds: number, compromised: boolean): void {
    const at = confirmationOf(this.#key(), version, new Date(this.#now))?.at;
    const from = Math.max(at?.getTime() ?? Number.POSITIVE_INFINITY, Date.parse(version.since));
    this.#expect(
      compromised || this.#now >= from + seconds * 1000,
      `v${version.n} (${version.state}) was not confirmed for ${seconds} s`,
    );
  }

  #check(before: readonly VersionRecord[]): void {
    const active = this.#versions.filter(({ state }) => state === 'active');
    this.#expect(active.length === 1, `${active.length} are active`);
    this.#expect(
      before.every(({ n, kid }, at) => this.#versions[at]?.n === n && this.#versions[at]?.kid === kid),
      'a version is another one',
    );
    const exposed = exposedIn(this.#key());
    const trusted = this.#versions.some(
      (version) =>
        version.state === 'trusted' && version.n < (active[0]?.n ?? 0) && !exposed.has(version.n) && isUsed(version),
    );
    const back = requestedStep(this.#versions, { type: 'rollback' }, exposed);
    const target = back.type === 'promote' ? this.#versions.find(({ n }) => n === back.n) : undefined;
    this.#expect(target === undefined || (isUsed(target) && !exposed.has(target.n)), 'the way back leads astray');
    this.#expect(!trusted || back.type === 'promote' || back.type === 'retire', 'there is no way back');
  }

  #made(n: number, state: State): VersionRecord {
    const at = new Date(this.#now).toISOString();
    const kid = `kid${String(n).padStart(13, '0')}`;
    return { n, kid, state, createdAt: at, since: at, history: [{ state, at }], backups: [] };
  }

  #expect(holds: boolean, otherwise: string): void {
    if (holds) return;
    throw new Error(`${otherwise}: ${this.#versions.map(({ n, state }) => `v${n} ${state}`).join(', ')}`);
  }
}

function isUsed({ history }: VersionRecord): boolean {
  return history.some(({ state }) => state === 'active');
}
