// Where the server of the MongoDB protocol for the tests is kept: read by setup.mjs, which builds it, and by
// test/support/mongodb/, which starts it.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

export const MODULE = join(import.meta.dirname, 'server');

/**
 * What the released sources need before tests of thousands of documents can run on them: a version (its build writes
 * the file), look-ups by _id that use the index also where the filter has more than _id, and updates that give their
 * database connection back before the next one (a bulk of more than 100 waits for itself otherwise). All of a filter is
 * still checked on what the look-up yields.
 */
export const PATCHES = [
  {
    file: 'internal/backends/sqlite/collection.go',
    find: 'if params.Filter.Len() == 1 {',
    put: 'if params.Filter.Len() >= 1 {',
  },
  {
    file: 'internal/backends/sqlite/metadata/metadata.go',
    find: `IDColumn = DefaultColumn + "->'$._id'"`,
    put: 'IDColumn = DefaultColumn + "->\\"_id\\""',
  },
  {
    file: 'internal/handler/msg_update.go',
    find: 'result, err := common.UpdateDocument(ctx, c, "update", iter, &u)',
    put: 'result, err := common.UpdateDocument(ctx, c, "update", iter, &u)\n\t\tcloser.Close()',
  },
];

/** Where the program stands, or is to stand, that this recipe builds for this system. */
export function serverFile(env = process.env) {
  const named = env.TEST_ASSET_FERRETDB;
  if (named) return named;
  const hash = createHash('sha256').update(JSON.stringify(PATCHES));
  for (const file of ['go.mod', 'go.sum'])
    hash.update(readFileSync(join(MODULE, file), 'utf8').replaceAll('\r\n', '\n'));
  const base = env.XDG_CACHE_HOME;
  const cache = base && isAbsolute(base) ? base : join(homedir(), '.cache');
  const recipe = `ferretdb-${hash.digest('hex').slice(0, 16)}-${process.platform}-${process.arch}`;
  return join(cache, 'palette-keys-test', recipe, 'ferretdb');
}

export function haveServer(env = process.env) {
  return existsSync(serverFile(env));
}
