import { type ErrorDetail, PaletteKeysError } from '../errors.ts';
import { checkSpec } from './check.ts';
import { formatPath, type Mistake, type Path } from './mistakes.ts';
import { type Position, positionsIn } from './position.ts';
import type { InstallationSpec } from './spec.ts';
import { readYaml } from './yaml-source.ts';
import type { Spot } from './yaml-tree.ts';

/** More are counted, but not listed. */
const MAX_LISTED = 1000;

/** A mistake with its place in the file; `at` is an offset. */
interface Placed extends ErrorDetail {
  readonly at: number;
}

/**
 * Reads `palette-keys.yaml`. `source` is what messages call the file. The spec is complete: what the text leaves out
 * has its default.
 * @throws PaletteKeysError SPEC_INVALID, whose details list every mistake in the order of the file, each as
 *   `<source>:<line>:<column>: <field>: <what is wrong>`. No message quotes a value that may be a secret.
 */
export function parseSpec(text: string, source: string): InstallationSpec {
  const plain = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const { tree, mistakes } = readYaml(plain);
  const checked = tree === undefined ? undefined : checkSpec(tree.root.value as object);
  if (checked?.spec !== undefined && mistakes.length + (tree?.mistakes.length ?? 0) === 0) return checked.spec;

  const placed: Placed[][] = [[...mistakes]];
  if (tree !== undefined) {
    const further = (checked?.mistakes ?? []).filter((mistake) => !isRefused(mistake, tree.root));
    placed.push(tree.mistakes.map((mistake) => ({ ...mistake, message: withPath(mistake) })));
    placed.push(further.map((mistake) => ({ ...toDetail(mistake), at: offsetOf(mistake, tree.root) })));
  }
  throw specInvalid(source, locate(placed.flat(), source, positionsIn(plain)));
}

/**
 * Checks and completes a spec that is data already, as the one in an installation's record.
 * @throws PaletteKeysError SPEC_INVALID, whose details list every mistake as `<source>: <field>: <what is wrong>`.
 */
export function validateSpec(value: unknown, source: string): InstallationSpec {
  const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
  const checked = isMapping ? checkSpec(value) : { mistakes: [{ path: [], message: 'must be a mapping' }] };
  if (checked.mistakes === undefined) return checked.spec;
  throw specInvalid(
    source,
    checked.mistakes.map(toDetail).map((detail) => ({ ...detail, message: `${source}: ${detail.message}` })),
  );
}

function locate(mistakes: readonly Placed[], source: string, positionOf: (at: number) => Position): ErrorDetail[] {
  return mistakes
    .toSorted((a, b) => a.at - b.at || (a.message < b.message ? -1 : 1))
    .map(({ at, message, ...rest }) => {
      const { line, column } = positionOf(at);
      return { message: `${source}:${line}:${column}: ${message}`, ...(rest.remedy && { remedy: rest.remedy }) };
    });
}

/** Whether the mistake is only that a value is missing which the tree has refused. */
function isRefused({ path, isKey }: Mistake, root: Spot): boolean {
  const { spot, isWhole } = find(root, path);
  return isKey !== true && isWhole && spot.value === undefined;
}

/** Where a mistake shows: at what is written under its path, else at `orAt`, else at the innermost that is there. */
function offsetOf({ path, orAt, isKey }: Mistake, root: Spot): number {
  const place = find(root, path);
  const other = orAt === undefined || place.isWhole ? undefined : find(root, orAt);
  const { spot } = other?.isWhole ? other : place;
  return isKey ? spot.keyAt : spot.at;
}

function find(root: Spot, path: Path): { readonly spot: Spot; readonly isWhole: boolean } {
  let spot = root;
  for (const part of path) {
    const inner = spot.inside.get(part);
    if (inner === undefined) return { spot, isWhole: false };
    spot = inner;
  }
  return { spot, isWhole: true };
}

function toDetail(mistake: Mistake): ErrorDetail {
  return { message: withPath(mistake), ...(mistake.remedy !== undefined && { remedy: mistake.remedy }) };
}

function withPath({ path, message }: Pick<Mistake, 'path' | 'message'>): string {
  return path.length === 0 ? `the spec ${message}` : `${formatPath(path)}: ${message}`;
}

function specInvalid(source: string, mistakes: readonly ErrorDetail[]): PaletteKeysError {
  const more = mistakes.length - MAX_LISTED;
  const details = mistakes.slice(0, MAX_LISTED);
  if (more > 0) details.push({ message: `${source}: and ${more} more` });
  const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`;
  return new PaletteKeysError('SPEC_INVALID', `${source} has ${count}`, {
    hint: 'Correct what is listed. `palette-keys init --print-config` shows every field with its default.',
    details,
  });
}
