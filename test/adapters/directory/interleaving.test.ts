// Covers: src/adapters/directory/lock/lock-file.ts, src/adapters/directory/publish.ts

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FileSystem } from '../../../src/adapters/directory/files.ts';
import type { Place } from '../../../src/adapters/directory/layout.ts';
import { acquireLock, releaseClaim } from '../../../src/adapters/directory/lock/lock.ts';
import { formatLock } from '../../../src/adapters/directory/lock/lock-file.ts';
import { type ProcessIdentity, systemProcess } from '../../../src/adapters/directory/lock/process-identity.ts';
import { PaletteKeysError } from '../../../src/errors.ts';
import { FaultyFiles } from './faulty-files.ts';
import { HOLDER, tree, useWorkspace } from './workspace.ts';

const at = useWorkspace();

/**
 * Processes that are only played: each stops before every call to the file system until it is let go on, or dies there.
 * So the order of all steps is the test's to choose.
 */
class Stage {
  readonly dead = new Set<number>([99]);
  readonly inside = new Set<number>();
  readonly #waiting = new Map<number, () => void>();
  #acting = 0;
  #changed: () => void = () => undefined;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  place(pid: number): Place {
    const files: FileSystem = new FaultyFiles();
    const gated = new Proxy(files, {
      get: (target, name) => {
        const call: unknown = Reflect.get(target, name);
        if (typeof call !== 'function') return call;
        return async (...args: readonly unknown[]) => {
          await this.#turn(pid);
          return Reflect.apply(call, target, args);
        };
      },
    });
    return { root: this.#root, files: gated, self: this.#identity(pid) };
  }

  /** Wants the lock, has it for a step, gives it back; all of it twice. Returns how often it was not refused. */
  async play(pid: number): Promise<number> {
    this.#acting += 1;
    let successes = 0;
    const place = this.place(pid);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const claim = await acquireLock(place, HOLDER).catch((error: unknown) => {
        if (error instanceof PaletteKeysError && error.code === 'LOCK_HELD') return undefined;
        throw error;
      });
      if (claim === undefined) continue;
      expect([...this.inside].filter((other) => !this.dead.has(other))).toEqual([]);
      this.inside.add(pid);
      await this.#turn(pid);
      this.inside.delete(pid);
      await releaseClaim(place, claim);
      successes += 1;
    }
    this.#acting -= 1;
    this.#changed();
    return successes;
  }

  /** Lets one process at a time make one step; `choices` says which, and (every 16th number) that it dies instead. */
  async direct(choices: readonly number[]): Promise<void> {
    for (let n = 0; ; n += 1) {
      await this.#standstill();
      const pids = [...this.#waiting.keys()].sort();
      const choice = choices[n] ?? n;
      const pid = pids[choice % pids.length];
      if (pid === undefined) return;
      const go = this.#waiting.get(pid);
      this.#waiting.delete(pid);
      if (n < choices.length && choice % 16 === 15) {
        this.dead.add(pid);
        this.#acting -= 1;
      } else go?.();
    }
  }

  #turn(pid: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.set(pid, resolve);
      this.#changed();
    });
  }

  async #standstill(): Promise<void> {
    while (this.#waiting.size < this.#acting) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  #identity(pid: number): ProcessIdentity {
    const lookUp: ProcessIdentity['lookUp'] = (other) =>
      this.dead.has(other) ? { running: false } : { running: true, start: '1' };
    return { ...systemProcess(), origin: { ...systemProcess().origin, pid, start: '1' }, lookUp };
  }
}

test('in whatever order their steps come, and whoever dies at which of them, two never have the lock', async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 4 }),
      fc.array(fc.nat({ max: 1023 }), { minLength: 20, maxLength: 160 }),
      async (count, choices) => {
        run += 1;
        const root = join(at.folder, String(run));
        mkdirSync(root, { mode: 0o700 });
        const stage = new Stage(root);
        const { origin } = stage.place(99).self;
        writeFileSync(join(root, '.lock'), formatLock({ origin, holder: HOLDER, nonce: '0'.repeat(32) }), {
          mode: 0o600,
        });
        const players = Array.from({ length: count }, (_, n) => stage.play(n + 1));
        await Promise.race([stage.direct(choices), failureOf(players)]);
        // Those who are left are dead: whoever comes now gets the lock, and leaves nothing that would hinder.
        const last = stage.play(50);
        await stage.direct([]);
        expect(await last).toBe(2);
        expect(await tree(root)).not.toContain('.lock');
      },
    ),
    { numRuns: 150 },
  );
});

/** Those who die never end, so one cannot wait for all of them; but a failing one ends the test. */
function failureOf(players: readonly Promise<unknown>[]): Promise<never> {
  return Promise.all(players).then(() => new Promise<never>(() => undefined));
}
