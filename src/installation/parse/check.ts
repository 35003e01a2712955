import { complete, DEFAULTS, type SpecBase } from '../defaults.ts';
import { checkRules } from '../rules.ts';
import { installationSchema } from '../schema.ts';
import type { InstallationSpec } from '../spec.ts';
import { explainIssues, NO_WORDS } from './explain.ts';
import type { Mistake, Path } from './mistakes.ts';

export type Checked =
  | { readonly spec: InstallationSpec; readonly mistakes?: undefined }
  | { readonly spec?: undefined; readonly mistakes: readonly Mistake[] };

/**
 * Rules are checked even where the schema found mistakes, with the invalid values left out, so that all are known at
 * once. `isRecorded`: it is part of a record already.
 */
export function checkSpec(given: object, isRecorded = false, base: SpecBase = DEFAULTS): Checked {
  const { error } = installationSchema.safeParse(given, { error: () => NO_WORDS, jitless: true });
  const issues = error?.issues ?? [];
  const invalid = issues.filter((issue) => issue.code !== 'unrecognized_keys').map((issue) => issue.path as Path);
  const draft = complete(invalid.reduce<unknown>(without, given), base);
  const mistakes = [...explainIssues(issues, given), ...checkRules(draft, isRecorded)];
  return mistakes.length > 0 ? { mistakes } : { spec: draft as InstallationSpec };
}

/** Completes what the schema has passed. What breaks a rule in the recorded spec already is no mistake here. */
export function completeOver(recorded: InstallationSpec | undefined, given: object, isRecorded: boolean): Checked {
  const draft = complete(given, recorded);
  const known = new Set(recorded === undefined ? [] : checkRules(recorded, false).map(idOf));
  const mistakes = checkRules(draft, isRecorded).filter((mistake) => !known.has(idOf(mistake)));
  return mistakes.length > 0 ? { mistakes } : { spec: draft as InstallationSpec };
}

function idOf({ path, message }: Mistake): string {
  return JSON.stringify([path, message]);
}

/** A copy in which `path` is undefined; the rest is shared. */
function without(value: unknown, path: Path): unknown {
  const [key, ...rest] = path;
  if (key === undefined || typeof value !== 'object' || value === null) return undefined;
  const inner = (value as Readonly<Record<string | number, unknown>>)[key];
  const changed = without(inner, rest);
  if (!Array.isArray(value)) return { ...value, [key]: changed };
  return value.with(Number(key), changed);
}
