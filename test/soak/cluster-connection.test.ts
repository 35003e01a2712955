/** What a run meets on its way to a cluster: addresses, logins, and faults of the server that last, which takes its time. */
import { afterAll, beforeAll, describe } from 'vitest';
import { type Bed, START_MS, startBed } from '../scenarios/cluster/bed.ts';
import { findAssetsOrSkip } from '../support/cluster.ts';
import { connectionCases, noConnectionCases } from './connection-cases.ts';

const assets = findAssetsOrSkip();

describe('without a cluster in reach', noConnectionCases);

describe.skipIf(assets === undefined)('the way to the API server', { timeout: START_MS }, () => {
  let bed: Bed;

  beforeAll(async () => {
    bed = await startBed();
  }, START_MS);

  afterAll(() => bed?.stop());

  connectionCases(() => bed);
});
