import type { ErrorDetail } from '../errors.ts';
import { checkSpec } from './check.ts';
import type { Mistake, Path } from './mistakes.ts';
import { type Position, positionsIn } from './position.ts';
import type { InstallationSpec } from './spec.ts';
import { specInvalid, toDetail } from './spec-invalid.ts';
import { readYaml } from './yaml-source.ts';
import type { Spot } from './yaml-tree.ts';

/** A mistake with its place in the file; `at` is an offset. */
interface Placed extends ErrorDetail {
  readonly at: number;
}

/**
 * Reads `palette-keys.yaml`. `source` is what messages call the file. The spec is complete: what the text leaves out
 * has its default. `isRecorded`: an installation may have been made with it before the newest rules were.
 * @throws PaletteKeysError SPEC_INVALID, whose details list every mistake in the order of the file, each as
 *   `<source>:<line>:<column>: <field>: <what is wrong>`. No message quotes a value that may be a secret.
 */
export function parseSpec(text: string, source: string, isRecorded = false): InstallationSpec {
  const plain = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const { tree, mistakes } = readYaml(plain);
  const checked = tree === undefined ? undefined : checkSpec(tree.root.value as object, isRecorded);
  if (checked?.spec !== undefined && mistakes.length + (tree?.mistakes.length ?? 0) === 0) return checked.spec;

  const placed: Placed[][] = [[...mistakes]];
  if (tree !== undefined) {
    const further = (checked?.mistakes ?? []).filter((mistake) => !isRefused(mistake, tree.root));
    placed.push(tree.mistakes.map((mistake) => ({ ...toDetail(mistake), at: mistake.at })));
    placed.push(further.map((mistake) => ({ ...toDetail(mistake), at: offsetOf(mistake, tree.root) })));
  }
  throw specInvalid(source, locate(placed.flat(), source, positionsIn(plain)));
}

function locate(mistakes: readonly Placed[], source: string, positionOf: (at: number) => Position): ErrorDetail[] {
  return mistakes
    .toSorted((a, b) => a.at - b.at || Number(a.message > b.message) - Number(a.message < b.message))
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
