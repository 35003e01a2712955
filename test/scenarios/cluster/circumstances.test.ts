/** What a run meets on its way, on one cluster: what others have put there. */
import { afterAll, beforeAll, describe } from 'vitest';
import { findAssetsOrSkip } from '../../support/cluster.ts';
import { type Bed, START_MS, startBed } from './bed.ts';
import { othersCases } from './others-cases.ts';
import { ownNamespacesCases } from './own-namespaces-cases.ts';

const assets = findAssetsOrSkip();

describe.skipIf(assets === undefined)('on a cluster', { timeout: START_MS }, () => {
  let bed: Bed;

  beforeAll(async () => {
    bed = await startBed();
  }, START_MS);

  afterAll(() => bed?.stop());

  describe('what others have put there', () => othersCases(() => bed));

  describe('an installation in namespaces of its own', () => ownNamespacesCases(() => bed));
});
