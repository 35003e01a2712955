import { all, closed, type Gate, OPEN, refused, type Situation, versionOf } from '../situation.ts';
import { afterCurrent, keyringReaders } from './consumers.ts';

/**
 * A hash cannot be computed again without what was hashed, which the platform has at the next login alone: the old salt
 * stays trusted until no record needs it.
 */
export const hashSalt: Gate = {
  conditions: {
    promote: 'every consumer reads the keyring and has it; a census is configured',
    retire: 'no record is hashed with it; without a census it stays trusted, and the rotation is finished',
  },
  soak: () => 0,
  needs: (situation) => {
    const { step } = situation;
    if (step.type === 'publish') return [{ type: 'readers' }];
    if (step.type !== 'promote') return [];
    return [
      { type: 'readers' },
      { type: 'consumers', entry: versionOf(situation, step.n), acknowledged: true, reloads: true },
    ];
  },
  decide: (situation, evidence, now) => {
    const { step } = situation;
    if (step.type === 'retire') return closed('the count of records that need it comes with the database', []);
    if (step.type === 'publish') return all(census(situation), keyringReaders(evidence, 'salt'));
    if (step.type !== 'promote') return OPEN;
    return all(census(situation), keyringReaders(evidence, 'salt'), afterCurrent(evidence.consumers, now));
  },
};

function census({ spec }: Situation) {
  if (spec.hashSalt.census !== null) return OPEN;
  return refused(
    'no census is configured: nobody could ever tell when the old salt is no longer needed',
    'set hashSalt.census to the collection and the field that names the salt of a record',
  );
}
