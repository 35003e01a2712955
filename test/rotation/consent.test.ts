// Covers: src/rotation/perform/record-evidence.ts, src/rotation/perform/reload-members.ts

import { beforeEach, describe, expect, test } from 'vitest';
import type { Pod } from '../../src/ports/workloads.ts';
import type { Proposal } from '../../src/rotation/rotate-request.ts';
import { type BenchOptions, command, writtenSince } from '../backup/bench.ts';
import { ManualClock } from '../support/clock.ts';
import {
  auditIn,
  edit,
  editRecord,
  init,
  installation,
  objectIn,
  recordIn,
  smallSpec,
} from '../support/installations.ts';
import { usersOf } from '../support/memory-database-users.ts';
import type { MemoryStore, Snapshot } from '../support/memory-store.ts';
import { rotate as advance, onCluster, platform, pod, type RotateOptions, statesOf, workloadsOf } from './bed.ts';
import { installedOnce } from './installed.ts';
import { word } from './vouch.ts';

const JWT = 'jwt-signing-key';
let made: Snapshot;
let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce();

beforeEach(() => {
  ({ made, store, clock } = fresh());
});

const rotate = (line: string, options: BenchOptions = {}) =>
  command(store, ['rotate', ...line.split(' ')], { clock, pause: async (ms) => clock.advance(ms / 1000), ...options });

const kidOf = (kind: string, n: number): string => recordIn(store.snapshot()).keys[kind].versions[n - 1].kid;

/** What happened to the store while this ran. */
async function written(run: () => Promise<unknown>): Promise<readonly string[]> {
  const before = store.snapshot();
  await run();
  return writtenSince(before, store);
}

/** Makes the store one of a cluster with these Pods, of objects that change now. */
function withPods(pods: () => readonly Pod[]) {
  const changedAt = clock.now();
  const workloads = workloadsOf(pods, () => changedAt);
  onCluster(store, clock, workloads);
  return workloads;
}

const uses = (name: string) => [{ object: platform(name), container: 'main', how: 'volume' as const }];

describe('without agreement', () => {
  test.each(['internal-ca', JWT])('what was found out of %s is not noted', async (kind) => {
    await rotate(`${kind} -y`);
    expect(
      await written(async () => {
        const { code, stderr } = await rotate(`${kind} ${word(store)}`);
        expect([code, stderr]).toEqual([2, expect.stringContaining('give --yes')]);
        expect(stderr).toContain('--dry-run');
      }),
    ).toEqual([]);
  });

  test('nothing is restarted, and with it the result says what was', async () => {
    const old = new Date(clock.now().getTime() - 1000).toISOString();
    for (const kind of [JWT, 'grpc-tls']) {
      const { restarted } = withPods(() => [pod('auth-1', old, { uses: uses(kind) })]);
      await rotate(`${kind} -y`);
      const { code, stderr } = await rotate(`${kind} --restart`);
      expect([code, stderr]).toEqual([2, expect.stringContaining('restart Deployment/hubble-system/auth')]);
      expect(restarted).toEqual([]);
      const { stdout } = await rotate(`${kind} --restart -y -o json`);
      expect(restarted).toEqual(['Deployment/hubble-system/auth']);
      expect(JSON.parse(stdout).effects).toEqual(['restarted Deployment/hubble-system/auth']);
    }
  });

  test('no member of the replica set is told to load its certificate, and with it the result says who was', async () => {
    const users = usersOf(made);
    const told: string[] = [];
    const rotateMember = async (member: string) => {
      told.push(member);
      return member !== 'c:27017';
    };
    users.certificates = { members: ['a:27017', 'b:27017', 'c:27017'], rotate: rotateMember };
    const asked: string[] = [];
    // The certificate is young: nothing is issued before.
    const young = new ManualClock();
    const go = (options: RotateOptions = {}) => advance(store, 'mongodb-tls', { clock: young, users, ...options });
    const agree = async ({ action }: Proposal): Promise<void> => {
      asked.push(action);
      throw new Error('no');
    };
    await expect(go({ agree })).rejects.toThrow('no');
    const action = 'have the members of the replica set load their certificate';
    expect([told, asked]).toEqual([[], [action]]);
    asked.length = 0;
    const first = await go({ agree: async (proposal) => void asked.push(proposal.action) });
    const effects = ['told a:27017 to load its certificate', 'told b:27017 to load its certificate'];
    expect([asked, first.effects, first.wrote]).toEqual([[action], effects, true]);
    // The next look of --wait tells them again, and has nothing new to ask or to say of those.
    users.certificates = { members: ['a:27017', 'b:27017'], rotate: rotateMember };
    const next = await go({ mayStart: false, before: first, agree });
    expect([told.slice(3), next.effects]).toEqual([['a:27017', 'b:27017'], effects]);
  });

  test('an entry that an interrupted --destroy left is not deleted', async () => {
    await rotate(`${JWT} -y --compromised`);
    editRecord(store, (record) => {
      const version = record.keys[JWT].versions[0];
      version.history.push({ state: 'destroyed', at: version.since });
      version.state = 'destroyed';
      version.backups.push({ file: 'keys.age', sha256: 'x', at: '2027-01-01T00:00:00Z', recipients: ['age1x'] });
    });
    const destroy = `${JWT} --destroy ${kidOf(JWT, 1)}`;
    expect(await written(async () => expect((await rotate(destroy)).code).toBe(2))).toEqual([]);
    expect(await written(() => rotate(`${destroy} -y`))).toContain(
      '-Secret/palette-keys-system/palette-key-jwt-signing-key-v1',
    );
  });
});

test('whoever answers no has written nothing', async () => {
  const agree = () => Promise.reject(new Error('no'));
  for (const kind of ['internal-ca', JWT]) {
    await rotate(`${kind} -y`);
    const asked = () =>
      expect(advance(store, kind, { clock, agree, assumeConsumersCurrent: true })).rejects.toThrow('no');
    expect(await written(asked)).toEqual([]);
  }
});

describe('with agreement', () => {
  test('a run that waits notes that consumers are current, and says so', async () => {
    await rotate(`${JWT} -y`);
    const { code, stdout, stderr } = await rotate(`${JWT} -y ${word(store)}`);
    expect([code, stderr]).toEqual([
      6,
      expect.stringContaining('note that all consumers of v2 of jwt-signing-key are current\n'),
    ]);
    expect(stdout).toContain('Waiting: jwt-signing-key, what was found out was noted.');
    // From then on it is a matter of time.
    clock.advance(16 * 60);
    await rotate(`${JWT} -y`);
    expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
  });

  test('a step and what it rests on are one question', async () => {
    await rotate('internal-ca -y');
    const promoted = await rotate(`internal-ca -y ${word(store)} -o json`);
    expect(promoted.stderr).toMatch(/^promote v2 of internal-ca in place of v1\npalette-keys: waiting: /);
    expect((await rotate(`internal-ca -y ${word(store)}`)).stderr).toBe('retire v1 of internal-ca\n');
    const confirmed = auditIn(store.snapshot()).flatMap(({ changes }) => changes);
    expect(confirmed.filter(({ action }) => action === 'confirm')).toHaveLength(2);
  });
});

describe('a rehearsal is refused what the run would be', () => {
  test.each(['--dry-run', '--explain'])('%s: an object of somebody else', async (flag) => {
    const other = await installation(smallSpec(), { seed: 'other' });
    for (const [kind, name] of [
      [JWT, JWT],
      ['internal-ca', 'auth-tls'],
    ] as const) {
      edit(store, platform(name), () => ({ data: objectIn(other, platform(name)).data }));
      const rehearsal = await rotate(`${kind} ${flag}`);
      const run = await rotate(`${kind} -y`);
      expect([rehearsal.code, run.code]).toEqual([5, 5]);
      expect(rehearsal.stderr).toBe(run.stderr);
    }
  });

  test('what stands in the way of an interrupted run, of whatever kind', async () => {
    editRecord(store, (record) => {
      record.ready = false;
    });
    expect((await rotate(`${JWT} --dry-run`)).stderr).toContain('next: complete the run that was interrupted');
    const other = await installation(smallSpec(), { seed: 'other' });
    edit(store, platform('hash-salt'), () => ({ data: objectIn(other, platform('hash-salt')).data }));
    const run = await rotate(`${JWT} -y`);
    expect([run.code, await rotate(`${JWT} --dry-run`)]).toEqual([5, run]);
  });

  test('a key that no backup holds', async () => {
    await rotate(`${JWT} -y --compromised`);
    const line = `${JWT} --destroy ${kidOf(JWT, 1)}`;
    expect(await rotate(`${line} --dry-run`)).toMatchObject({ code: 5, stderr: (await rotate(`${line} -y`)).stderr });
  });

  test('a consumer that reads one key alone, and a salt that nobody can count', async () => {
    const workload = 'Deployment/hubble-system/auth';
    await init(store, {
      clock,
      spec: smallSpec({ consumers: [{ workload, object: 'palette-root-key', reads: 'single' }] }),
    });
    for (const kind of ['root-key', 'hash-salt']) {
      const run = await rotate(`${kind} -y`);
      expect(await rotate(`${kind} --dry-run`)).toEqual(run);
      expect([run.code, run.stderr]).toEqual([5, expect.stringContaining('hint')]);
    }
  });

  test('a run that nothing stands in the way of is rehearsed: it says what comes next, and writes nothing', async () => {
    for (const kind of [JWT, 'grpc-tls']) {
      const rehearse = async () => {
        const { code, stderr } = await rotate(`${kind} --dry-run --again`);
        expect([code, stderr]).toEqual([0, expect.stringContaining('nothing stands in the way')]);
      };
      expect(await written(rehearse)).toEqual([]);
    }
  });
});

describe('--wait', () => {
  test('is for a run that writes', async () => {
    expect((await rotate(`${JWT} --dry-run --wait`)).code).toBe(2);
  });

  test('ends where time opens nothing, as in a folder that nobody speaks for', async () => {
    const { code, stderr } = await rotate(`${JWT} -y --wait`);
    expect([code, stderr]).toEqual([6, expect.stringContaining('--wait stopped')]);
    expect(stderr.match(/A folder does not show what runs/g)).toHaveLength(1);
  });

  test('says once whom it waits for, and goes on when they have it', async () => {
    const old = new Date(clock.now().getTime() - 1000).toISOString();
    const until = clock.now().getTime() + 600_000;
    const current = () => new Date(until + 1).toISOString();
    withPods(() => [pod('auth-1', clock.now().getTime() < until ? old : current(), { uses: uses('auth-tls') })]);
    const { code, stderr } = await rotate('internal-ca -y --wait');
    expect([code, stderr.match(/have not picked the change up/g)]).toEqual([0, ['have not picked the change up']]);
  });
});

test.each(['--rollback', '--retire abcdefghijklmnop', '--destroy abcdefghijklmnop'])(
  'certificates that have no versions take no %s, with --dry-run or without',
  async (flag) => {
    for (const more of ['-y', '--dry-run']) {
      const { code, stderr } = await rotate(`service-certificates ${flag} ${more}`);
      expect([code, stderr]).toEqual([2, expect.stringContaining('service-certificates has no versions')]);
    }
  },
);

test('--due counts what was refused once it had written', async () => {
  const spec = (reads: string) => {
    const workload = 'Deployment/hubble-system/auth';
    return smallSpec({ consumers: [{ workload, object: 'palette-root-key', reads }] });
  };
  await init(store, { clock, spec: spec('keyring') });
  await rotate('root-key -y');
  await init(store, { clock, spec: spec('single') });
  editRecord(store, (record) => {
    record.ready = false;
  });
  expect((await rotate('--due -y -q')).code).toBe(5);
});

describe('--plan', () => {
  const road = async (line: string) => JSON.parse((await rotate(`${line} --plan -o json`)).stdout).steps;

  test('begins when the run would', async () => {
    clock = new ManualClock();
    for (const kind of [JWT, 'internal-ca', 'grpc-tls']) {
      const [first] = await road(kind);
      expect(first.earliest).toBe('2027-01-02T00:00:00Z');
      expect(first.condition).toContain('--again');
      expect((await road(`${kind} --again`))[0].earliest).toBe('2027-01-01T00:00:00Z');
    }
  });

  test('skips the times that a compromise skips', async () => {
    const times = (await road(`${JWT} --compromised`)).map(({ earliest }: { earliest: string }) => earliest);
    expect(times).toEqual(Array(3).fill('2027-01-03T00:00:00Z'));
  });

  test('is refused where the run is, and does not stand for a single step', async () => {
    expect((await rotate('message-bus-operator --plan')).code).toBe(5);
    expect(await road('message-bus-operator --compromised')).toHaveLength(3);
    for (const request of ['--rollback', '--retire x', '--reinstate x', '--destroy x']) {
      const { code, stderr } = await rotate(`${JWT} --plan ${request}`);
      expect([code, stderr]).toEqual([2, expect.stringContaining('--dry-run')]);
    }
  });
});

test('a run that destroys says so', async () => {
  await rotate(`${JWT} -y --compromised`);
  editRecord(store, (record) => {
    const mark = { file: 'keys.age', sha256: 'x', at: '2027-01-01T00:00:00Z', recipients: ['age1x'] };
    record.keys[JWT].versions[0].backups.push(mark);
  });
  const { stdout } = await rotate(`${JWT} -y --destroy ${kidOf(JWT, 1)}`);
  expect(stdout).toContain('Done: jwt-signing-key, v1 is destroyed; 1 deleted.');
});
