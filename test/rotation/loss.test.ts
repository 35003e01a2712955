import { describe, expect, test } from 'vitest';
import type { KindId } from '../../src/ledger/kind-id.ts';
import type { KeyRecord, VersionRecord } from '../../src/ledger/record.ts';
import { withReplacement } from '../../src/ledger/replacement.ts';
import type { RotationStep } from '../../src/rotation/gate.ts';
import { lossBy } from '../../src/rotation/loss.ts';
import { smallSpec } from '../support/installations.ts';
import { version } from './bed.ts';
import { contextOf, NOW } from './contexts.ts';

const DESTROY: RotationStep = { type: 'destroy', n: 1 };
const REINSTATE: RotationStep = { type: 'reinstate', n: 1 };
const RETIRED_AT = '2027-01-15T00:00:00Z';
const backups = [{ file: 'b.age', sha256: 'x', at: '2027-01-10T00:00:00Z', recipients: [] }];
const unsaved = version(1, 'retired', RETIRED_AT, ['active', 'trusted']);
const saved: VersionRecord = { ...unsaved, backups };
const spec = (databaseBackupRetention: string) => smallSpec({ rotation: { databaseBackupRetention } });

function lossOf(
  step: RotationStep,
  first: VersionRecord,
  kind: KindId = 'jwt-signing-key',
  retention = '30d',
  evidence: KeyRecord['evidence'] = [],
) {
  const record = { spec: spec(retention) };
  const context = contextOf({ kind, versions: [first, version(2, 'active')], record, evidence });
  return lossBy(step, first, context, NOW);
}

describe('a version that is destroyed', () => {
  test('is lost for ever where no backup holds it, whatever the kind', () => {
    for (const kind of ['jwt-signing-key', 'root-key', 'fqdn-key'] as const)
      expect(lossOf(DESTROY, unsaved, kind)).toMatchObject({
        ...{ kid: unsaved.kid, deed: 'destroy it' },
        reason: `no backup holds ${unsaved.kid}: destroyed, it is gone for ever`,
      });
  });

  test('is no loss where a backup holds it and no data needs it', () => {
    expect(lossOf(DESTROY, saved)).toBeUndefined();
  });

  test.each<KindId>(['root-key', 'hash-salt'])(
    'of %s may be needed by database backups until their retention ends',
    (kind) => {
      expect(lossOf(DESTROY, saved, kind, '18d')).toMatchObject({
        reason: expect.stringMatching(`before ${RETIRED_AT}.* until 2027-02-02T00:00:00Z`),
      });
      expect(lossOf(DESTROY, saved, kind, '17d')).toBeUndefined();
    },
  );

  test('counts the retention from its last retirement, not from a return that came before', () => {
    const again = { state: 'retired', at: '2027-01-20T00:00:00Z' } as const;
    const twice = { ...saved, history: [...saved.history, { state: 'trusted' as const, at: RETIRED_AT }, again] };
    expect(lossOf(DESTROY, twice, 'root-key', '13d')?.reason).toContain(again.at);
  });

  test('can only be wanted by its kid: --yes is not enough', () => {
    expect(lossOf(DESTROY, unsaved)?.yields).toBeUndefined();
  });
});

describe('a version that is accepted again', () => {
  test('is a loss where it was replaced as compromised, and --yes is enough for it', () => {
    expect(lossOf(REINSTATE, saved, 'jwt-signing-key', '30d', withReplacement([], 2))).toMatchObject({
      ...{ kid: saved.kid, deed: 'accept it again', yields: true },
      reason: expect.stringContaining('v1 was replaced as compromised'),
    });
  });

  test('is no loss otherwise, even where no backup holds it', () => {
    expect(lossOf(REINSTATE, unsaved)).toBeUndefined();
  });
});

test.each<RotationStep>([{ type: 'publish' }, { type: 'promote', n: 1 }, { type: 'retire', n: 1 }])(
  'nothing is lost by a step $type',
  (step) => {
    expect(lossOf(step, unsaved, 'root-key', '30d', withReplacement([], 2))).toBeUndefined();
  },
);
