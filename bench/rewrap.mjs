// Rewrapping tenant keys against a plain unordered bulk update of the same documents on the same server, in turn. Needs
// the server of `npm run test:setup`. How much memory the program takes is measured in test/soak/tenants.test.ts.
//
//   node bench/rewrap.mjs [TENANTS] [ROUNDS]
import { fileURLToPath } from 'node:url';
import { openMongodbTenantStore } from '../src/adapters/mongodb/tenant-store.ts';
import { readTenantAccess } from '../src/tenants/keyring.ts';
import { applyRewrap, previewRewrap } from '../src/tenants/rewrap.ts';
import { addTenants } from '../src/tenants/tenants.ts';
import { haveServer } from '../test/mongodb/recipe.mjs';
import { installation, portsOn, storeWith } from '../test/support/installations.ts';
import { someSetup, startMongodb, USERNAME } from '../test/support/mongodb/server.ts';
import { withSecondRootKey } from '../test/support/second-root-key.ts';

const BATCH = 500;
const IN_FLIGHT = 4;
const ALL = { index: 0, count: 1 };
const LEAST_RATIO = 0.8;

export async function run(count = 5000, rounds = 3) {
  if (!haveServer()) {
    console.log('rewrap: skipped, no FerretDB (npm run test:setup builds it)');
    return true;
  }
  const server = await startMongodb(await someSetup());
  const { setup, uri } = server;
  const tenants = await openMongodbTenantStore({
    ...{ uri, ca: setup.caPem, login: { username: USERNAME, password: setup.password } },
    ...{ timeoutMs: 60_000, authSource: 'admin', database: 'hubbledb', collection: 'tenantKeys' },
  });
  const clock = { now: () => new Date() };
  try {
    const store = storeWith(await installation());
    const ports = () => ({ ...portsOn(store), clock, tenants });
    const ids = Array.from({ length: count }, (_, i) => `tenant-${i}`);
    await addTenants(ids, await readTenantAccess(ports(), undefined), ports());
    const rates = { rewrap: [], plain: [] };
    for (let round = 0; round < rounds; round++) {
      withSecondRootKey(store, { swapBack: round % 2 === 1 });
      const access = await readTenantAccess(ports(), undefined);
      const preview = await previewRewrap(access, ALL, ports());
      const { rewrapped, rate } = await applyRewrap(access, ALL, preview, ports());
      if (rewrapped !== count) throw new Error(`only ${rewrapped} of ${count} were rewrapped`);
      rates.rewrap.push(rate);
      rates.plain.push(await plainUpdate(server.client.db('hubbledb').collection('tenantKeys'), count));
    }
    const [ours, theirs] = [median(rates.rewrap), median(rates.plain)];
    const ratio = ours / theirs;
    const met = ratio >= LEAST_RATIO;
    console.log(
      `rewrap of ${count} tenant keys ${ours}/s, plain update ${theirs}/s, ratio ${ratio.toFixed(2)}   ≥ ${LEAST_RATIO} ${met ? 'met' : 'MISSED'}`,
    );
    return met;
  } finally {
    await tenants.close();
    await server.stop();
  }
}

/** Reads every document and writes its wrapped key again, as many at a time as rewrapping does; documents per second. */
async function plainUpdate(documents, count) {
  const begun = performance.now();
  const underWay = new Set();
  let batch = [];
  const flush = () => {
    const job = documents.bulkWrite(batch, { ordered: false }).finally(() => underWay.delete(job));
    underWay.add(job);
    batch = [];
  };
  for await (const { _id, wrapped } of documents.find({}, { batchSize: BATCH })) {
    batch.push({ updateOne: { filter: { _id }, update: { $set: { wrapped, rewrappedAt: new Date() } } } });
    if (batch.length < BATCH) continue;
    flush();
    if (underWay.size >= IN_FLIGHT) await Promise.race(underWay);
  }
  if (batch.length > 0) flush();
  await Promise.all(underWay);
  return Math.round((count * 1000) / (performance.now() - begun));
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [count = 5000, rounds = 3] = process.argv.slice(2).map(Number);
  process.exitCode = (await run(count, rounds)) ? 0 : 1;
}
