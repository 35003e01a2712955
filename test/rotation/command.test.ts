// Covers: src/cli/rotate/command.ts, src/cli/rotate/consent.ts, src/cli/rotate/input.ts, src/cli/rotate/open-run.ts
// Covers: src/cli/rotate/render.ts, src/cli/rotate/rotate-one.ts, src/cli/rotate/run.ts
// Covers: src/rotation/perform/read-plan.ts, src/rotation/plan.ts

import { beforeEach, describe, expect, test } from 'vitest';
import { command } from '../backup/bench.ts';
import { DAY, ManualClock } from '../support/clock.ts';
import { auditIn, editRecord, init, objectIn, recordIn, smallSpec } from '../support/installations.ts';
import { type MemoryStore, memoryStore } from '../support/memory-store.ts';
import { platform, statesOf } from './bed.ts';
import { installedOnce } from './installed.ts';
import { word } from './vouch.ts';

const JWT = 'jwt-signing-key';
let store: MemoryStore;
let clock: ManualClock;
const fresh = installedOnce();

beforeEach(() => {
  ({ store, clock } = fresh());
});

const rotate = (line: string) =>
  command(store, ['rotate', ...line.split(' ').filter((word) => word !== '')], { clock });

describe('rotate', () => {
  test('waits with exit code 6, and says until when', async () => {
    await rotate(`${JWT} --yes`);
    const { code, stdout, stderr } = await rotate(`${JWT} --yes ${word(store)} -o json`);
    expect(code).toBe(6);
    expect(JSON.parse(stdout)).toMatchObject({
      apiVersion: 'palette-keys/v1',
      kind: 'RotateResult',
      key: JWT,
      done: false,
      generation: 2,
      versions: [
        { n: 1, state: 'active' },
        { n: 2, state: 'published' },
      ],
      waitingFor: { reason: expect.stringContaining('caches'), until: '2027-01-03T00:15:00Z', blockers: [] },
    });
    expect(stderr).toContain('until 2027-01-03T00:15:00Z');
  });

  test('names whom it waits for', async () => {
    const { code, stdout, stderr } = await rotate(`${JWT} -y`);
    const next = '\npalette-keys rotate jwt-signing-key --yes --assume-consumers-current=2\n';
    expect([code, stderr]).toEqual([6, expect.stringContaining(next)]);
    expect(stdout).toMatch(/jwt-signing-key +v2 +published/);
  });

  test('asks for agreement, and writes nothing without it', async () => {
    const before = store.snapshot();
    const { code, stderr } = await rotate(JWT);
    expect([code, stderr]).toEqual([2, expect.stringContaining('give --yes')]);
    expect(store.snapshot()).toEqual(before);
  });

  test('needs no agreement where there is nothing to do', async () => {
    clock = new ManualClock();
    expect(await rotate(JWT)).toMatchObject({ code: 0, stderr: expect.stringContaining('already rotated') });
  });

  test('shows the road with times, and writes nothing', async () => {
    const before = store.snapshot();
    const { code, stdout } = await rotate(`${JWT} --plan -o json`);
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      expect.objectContaining({
        kind: 'RotatePlan',
        steps: [
          expect.objectContaining({ action: 'publish v2', earliest: '2027-01-03T00:00:00Z' }),
          expect.objectContaining({ action: 'promote v2', earliest: '2027-01-03T00:15:00Z' }),
          expect.objectContaining({ action: 'retire v1', earliest: '2027-01-04T00:20:00Z' }),
        ],
      }),
    ]);
    for (const kind of ['internal-ca', 'root-key', 'service-certificates', 'hash-salt', 'fqdn-certificate']) {
      expect((await rotate(`${kind} --plan`)).code).toBe(0);
    }
    expect(store.snapshot()).toEqual(before);
  });

  test('explains what still needs the old key, and writes nothing', async () => {
    await rotate(`${JWT} -y`);
    const before = store.snapshot();
    for (const flag of ['--explain', '--dry-run']) {
      expect(await rotate(`${JWT} ${flag}`)).toMatchObject({ code: 0, stderr: expect.stringContaining('waiting') });
    }
    expect(store.snapshot()).toEqual(before);
  });

  test('says what breaks first where the key is compromised', async () => {
    const { code, stderr } = await rotate(`${JWT} -y --compromised`);
    expect([code, stderr]).toEqual([0, expect.stringContaining('every session ends')]);
    expect(stderr.indexOf('what breaks first')).toBeLessThan(stderr.indexOf('publish a new version'));
    expect(statesOf(store, JWT)).toBe('v1 retired, v2 active');
    const again = await rotate(`${JWT} -y -q --compromised`);
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('already replaced as compromised')]);
  });

  test('destroys nothing that no backup holds, unless somebody types its kid', async () => {
    await rotate(`${JWT} -y --compromised`);
    const { kid } = recordIn(store.snapshot()).keys[JWT].versions[0];
    expect(await rotate(`${JWT} -y --destroy ${kid}`)).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('no backup'),
    });
    expect(statesOf(store, JWT)).toBe('v1 retired, v2 active');
    editRecord(store, (record) => {
      const mark = { file: 'keys.age', sha256: 'x', at: '2027-01-01T00:00:00Z', recipients: ['age1x'] };
      record.keys[JWT].versions[0].backups.push(mark);
    });
    expect((await rotate(`${JWT} -y --destroy ${kid}`)).code).toBe(0);
    expect(statesOf(store, JWT)).toBe('v1 destroyed, v2 active');
  });

  test('takes one word about the database: where it is, or that there is none', async () => {
    const { code, stderr } = await rotate('root-key -y --no-tenant-store --mongodb-uri mongodb://db');
    expect([code, stderr]).toEqual([2, expect.stringContaining('exclude each other')]);
  });

  test('writes its flags to the audit log', async () => {
    await rotate(`${JWT} -y --again --assume-consumers-current=1 --ignore-pod a/b`);
    const last = auditIn(store.snapshot()).at(-1);
    expect(last.command).toBe(`rotate ${JWT} --again --assume-consumers-current=1 --ignore-pod a/b`);
  });
});

describe('--due', () => {
  test('does nothing while nothing is due', async () => {
    const before = store.snapshot();
    const { code, stdout } = await rotate('--due --yes -o json');
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { kind: 'RotateResults', failures: [] }]);
    expect(store.snapshot()).toEqual(before);
  });

  test('goes on with what is under way, renews what is past its time, and waiting is no failure', async () => {
    await rotate(`${JWT} -y`);
    await rotate(`${JWT} -y ${word(store)}`);
    const before = objectIn(store.snapshot(), platform('auth-tls')).data['tls.crt'];
    clock.advance(250 * DAY);
    const { code, stdout } = await rotate('--due --yes -o json');
    expect(code).toBe(0);
    expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
    expect(objectIn(store.snapshot(), platform('auth-tls')).data['tls.crt']).not.toEqual(before);
    const { results } = JSON.parse(stdout);
    expect(results.find(({ key }: { key: string }) => key === JWT).waitingFor).toBeDefined();
    expect(statesOf(store, 'root-key')).toBe('v1 active');
    expect(statesOf(store, 'internal-ca')).toBe('v1 active');
  });

  test('opens the rotation of a CA that no longer outlives its leaves', async () => {
    clock.advance(3300 * DAY);
    await rotate('--due --yes');
    expect(statesOf(store, 'internal-ca')).toBe('v1 active, v2 published');
    expect(statesOf(store, 'cluster-ca')).toBe('v1 active, v2 published');
    expect(statesOf(store, JWT)).toBe('v1 active');
  });

  test('rotates CAs of any life once, and not every night', async () => {
    store = memoryStore();
    clock = new ManualClock();
    const validity = {
      internalCA: { keySize: 2048, validity: '366d' },
      clusterCA: { keySize: 2048, validity: '180d' },
    };
    await init(store, { clock, spec: smallSpec(validity) });
    const nights = async (count: number) => {
      for (let night = 0; night < count; night++) {
        const { results } = JSON.parse((await rotate('--due --yes -q -o json')).stdout);
        const isOpen = ({ waitingFor }: { waitingFor?: object }) => waitingFor !== undefined;
        for (const { key } of results.filter(isOpen)) {
          for (let words = 0; words < 2; words++) await rotate(`${key} -y -q ${word(store)}`);
        }
        clock.advance(1.01 * DAY);
      }
      return ['internal-ca', 'cluster-ca'].map((kind) => statesOf(store, kind));
    };
    expect(await nights(3)).toEqual(['v1 active', 'v1 active']);
    clock.set('2027-05-03T00:00:00Z');
    expect(await nights(3)).toEqual(['v1 active', 'v1 retired, v2 active']);
    clock.set('2027-09-03T00:00:00Z');
    expect(await nights(3)).toEqual(['v1 retired, v2 active', 'v1 retired, v2 retired, v3 active']);
  });

  test('is not stopped by the failure of one kind', async () => {
    await rotate('root-key -y');
    editRecord(store, (record) => {
      const workload = 'Deployment/hubble-system/auth';
      record.spec.consumers = [{ workload, object: 'palette-root-key', reads: 'single', reload: 'restart' }];
    });
    await rotate(`${JWT} -y`);
    await rotate(`${JWT} -y ${word(store)}`);
    clock.advance(3600);
    const { code, stdout } = await rotate('--due --yes -o json');
    expect([code, JSON.parse(stdout).failures]).toEqual([
      5,
      [expect.objectContaining({ key: 'root-key', code: 'REFUSED' })],
    ]);
    expect(statesOf(store, JWT)).toBe('v1 trusted, v2 active');
  });
});

describe('flags that make no sense together are usage errors', () => {
  test.each([
    '',
    '--due root-key',
    '--due --compromised',
    '--due --assume-consumers-current=1',
    '--due --assume-consumers-current',
    'internal-ca -y --assume-consumers-current',
    'internal-ca -y --assume-consumers-current=2',
    'internal-ca -y --assume-consumers-current=0',
    'internal-ca --plan --assume-consumers-current=2',
    '--assume-consumers-current internal-ca -y',
    'root-key --rollback --retire x',
    'root-key --rollback --again',
    'root-key --wait --plan',
    'root-key --service auth',
    'root-key --accept-resets 3',
    'hash-salt --accept-resets some',
    'hash-salt --accept-resets -1',
    'hash-salt --accept-resets 3 --again',
    'hash-salt --accept-resets 3 --compromised',
    'hash-salt --accept-resets 3 --rollback',
    '--due --accept-resets 3',
    'internal-ca --probe nowhere',
    'jwt-signing-key --probe auth:443',
    'service-certificates --probe auth:443',
    'service-certificates --rollback',
    'service-certificates --service nobody -y',
    'nothing',
    'root-key -o prometheus',
  ])('rotate %s', async (line) => {
    const before = store.snapshot();
    const { code } = await rotate(line);
    expect([line, code]).toEqual([line, 2]);
    expect(store.snapshot()).toEqual(before);
  });
});
