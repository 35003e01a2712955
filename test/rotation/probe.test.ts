// Covers: src/rotation/evidence/leaves.ts

/** `--probe`: an endpoint that serves the old certificate keeps the gate closed; one that shows none is named, and keeps nothing. */
import { beforeEach, expect, test } from 'vitest';
import { command } from '../backup/bench.ts';
import type { ManualClock } from '../support/clock.ts';
import { auditIn } from '../support/installations.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { rotate, statesOf } from './bed.ts';
import { installedOnce } from './installed.ts';
import { word } from './vouch.ts';

const CA = 'internal-ca';
const NOTE = 'legacy:8443 could not be looked at (ECONNREFUSED): what it serves is no part of the evidence';
const endpoints = [{ host: 'legacy', port: 8443 }];
let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce();

beforeEach(() => {
  ({ store, clock } = fresh());
});

const go = (options: Parameters<typeof rotate>[2]) => rotate(store, CA, { clock, endpoints, ...options });

const audited = (): readonly string[] =>
  auditIn(store.snapshot()).flatMap(({ changes }) => changes.map(({ object }: { object: string }) => object));

test('an endpoint that cannot be reached is named in the notes and in the audit log, and keeps no gate closed', async () => {
  const served = () => ({ unreachable: 'ECONNREFUSED' });
  const { done, notes } = await go({ assumeConsumersCurrent: true, served });
  expect([done, notes, statesOf(store, CA)]).toEqual([true, [NOTE], 'v1 retired, v2 active']);
  expect(audited()).toContain(`${CA} v1 trusted: ${NOTE}`);
});

test('an endpoint that shows no certificate is named in the notes', async () => {
  const { notes } = await go({ assumeConsumersCurrent: true, served: () => ({ chain: [] }) });
  expect(notes).toEqual([NOTE.replace('ECONNREFUSED', 'no certificate')]);
});

test('a rehearsal names an endpoint that cannot be reached, and writes nothing', async () => {
  await go({ assumeConsumersCurrent: true, endpoints: [], agree: twice() }).catch(() => undefined);
  expect(statesOf(store, CA)).toBe('v1 trusted, v2 active');
  const before = store.snapshot();
  const served = () => ({ unreachable: 'ECONNREFUSED' });
  expect((await go({ assumeConsumersCurrent: true, dryRun: true, served })).notes).toContain(NOTE);
  expect(store.snapshot()).toEqual(before);
});

/** Agrees to two writes. */
function twice(): () => Promise<void> {
  let count = 0;
  return async () => {
    count += 1;
    if (count > 2) throw new Error('killed');
  };
}

test('the command names an endpoint that cannot be reached on stderr, and in the notes of its document', async () => {
  await go({ assumeConsumersCurrent: true, endpoints: [], agree: twice() }).catch(() => undefined);
  const flags = ['-y', word(store), '--probe', 'legacy:8443', '-o', 'json'];
  const { code, stdout, stderr } = await command(store, ['rotate', CA, ...flags], { clock });
  const note = expect.stringContaining('legacy:8443 could not be looked at');
  expect([code, stderr, JSON.parse(stdout).notes]).toEqual([0, note, [note]]);
});

test.each(['jwt-signing-key', 'service-certificates', 'mongodb-tls'])(
  '--probe is a usage error for %s, before anything is read',
  async (kind) => {
    const { code, stderr } = await command(store, ['rotate', kind, '-y', '--probe', 'legacy:8443', '--config', 'none']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--probe is for internal-ca')]);
  },
);
