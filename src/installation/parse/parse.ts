import { LineCounter } from 'yaml';
import type { ErrorDetail } from '../../errors.ts';
import { DEFAULTS, isMapping, NO_BASE } from '../defaults.ts';
import type { GivenSpec } from '../given.ts';
import type { InstallationSpec } from '../spec.ts';
import { checkSpec, completeOver } from './check.ts';
import type { Mistake, Path } from './mistakes.ts';
import { specInvalid, toDetail } from './spec-invalid.ts';
import { readYaml } from './yaml-source.ts';
import type { Spot } from './yaml-tree.ts';

interface Placed extends ErrorDetail {
  readonly at: number;
}

/**
 * Reads `palette-keys.yaml`; `source` is what messages call it. `isRecorded`: perhaps made before the newest rules.
 * Throws SPEC_INVALID, as `against` does, with every mistake in the order of the file as `<source>:<line>:<column>:
 * <field>: <what is wrong>`. No message quotes a value that may be a secret.
 */
export function parseSpec(text: string, source: string, isRecorded = false): GivenSpec {
  const plain = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const { tree, mistakes } = readYaml(plain);
  const lines = linesOf(plain);
  if (tree === undefined) throw specInvalid(source, locate(mistakes, source, lines));
  const place = (found: readonly Mistake[]): Placed[] =>
    found
      .filter((mistake) => !isRefused(mistake, tree.root))
      .map((mistake) => ({ ...toDetail(mistake), at: offsetOf(mistake, tree.root) }));

  const given = tree.root.value as object;
  const refused = tree.mistakes.map((mistake) => ({ ...toDetail(mistake), at: mistake.at }));
  const isWrong = mistakes.length + refused.length > 0 || checkSpec(given, isRecorded, NO_BASE).spec === undefined;
  if (isWrong) {
    // So that all mistakes are known at once, with the values that a new installation would have.
    const all = checkSpec(given, isRecorded).mistakes ?? [];
    throw specInvalid(source, locate([...mistakes, ...refused, ...place(all)], source, lines));
  }

  const { ledgerNamespace, rootDomain } = given as Partial<InstallationSpec>;
  return {
    ...{ ledgerNamespace, rootDomain },
    leftOut: leftOut(given, DEFAULTS),
    against: (recorded) => {
      const { spec, mistakes: broken } = completeOver(recorded, given, isRecorded);
      if (spec !== undefined) return spec;
      throw specInvalid(source, locate(place(broken), source, lines));
    },
  };
}

function leftOut(given: object, all: object, prefix = ''): string[] {
  return Object.entries(all).flatMap(([key, inner]) => {
    if (!Object.hasOwn(given, key)) return isMapping(inner) ? leftOut({}, inner, `${prefix}${key}.`) : [prefix + key];
    const value = (given as Readonly<Record<string, unknown>>)[key];
    return isMapping(value) && isMapping(inner) ? leftOut(value, inner, `${prefix}${key}.`) : [];
  });
}

function locate(mistakes: readonly Placed[], source: string, lines: LineCounter): ErrorDetail[] {
  return mistakes
    .toSorted((a, b) => a.at - b.at || Number(a.message > b.message) - Number(a.message < b.message))
    .map(({ at, message, ...rest }) => {
      const { line, col } = lines.linePos(at);
      return { message: `${source}:${line}:${col}: ${message}`, ...(rest.remedy && { remedy: rest.remedy }) };
    });
}

/** Counted here, and not by the parser, which does not get a file that is too long or no text. */
function linesOf(text: string): LineCounter {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (const { index } of text.matchAll(/\n/g)) lines.addNewLine(index + 1);
  return lines;
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
