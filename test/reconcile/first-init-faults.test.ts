import { afterAll, beforeAll } from 'vitest';
import { smallSpec } from '../support/installations.ts';
import { memoryStore } from '../support/memory-store.ts';
import { RsaPool } from '../support/random.ts';
import { disturbEveryWrite } from './disturbances.ts';

const pool = new RsaPool();
const mark = pool.mark();

beforeAll(() => pool.install());

afterAll(() => pool.uninstall());

disturbEveryWrite(
  {
    title: 'a first init',
    start: () => memoryStore().snapshot(),
    options: { spec: smallSpec() },
    spec: smallSpec(),
    versions: {},
  },
  () => pool.rewind(mark),
);
