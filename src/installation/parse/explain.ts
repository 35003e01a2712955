import type * as z from 'zod/mini';

import { fieldPaths, knownKeys } from './fields.ts';
import type { Mistake, Path } from './mistakes.ts';
import { nearest } from './nearest.ts';

type Issue = z.core.$ZodIssue;

/** The message of an issue for which the schema has no words of its own. */
export const NO_WORDS = '';

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  object: 'a mapping',
  array: 'a list',
};

const FIELDS = fieldPaths();

export function explainIssues(issues: readonly Issue[], spec: unknown): Mistake[] {
  const explained = new Set<string>();
  return issues.flatMap((issue): Mistake[] => {
    const path = issue.path as (string | number)[];
    if (issue.code === 'unrecognized_keys') {
      const known = knownKeys(path);
      return issue.keys.map((key) => ({ path: [...path, key], isKey: true, message: unknownKey(key, known) }));
    }
    const place = JSON.stringify(path);
    if (explained.has(place)) return [];
    explained.add(place);
    return [{ path, message: explain(issue, valueAt(spec, path)), remedy: remedyOf(issue) }];
  });
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known) ?? FIELDS.find((field) => field.endsWith(`.${key}`));
  return meant === undefined ? `unknown key; known here: ${known.join(', ')}` : `unknown key; did you mean "${meant}"?`;
}

function explain(issue: Issue, value: unknown): string {
  const only = onlyValue(issue);
  if (value === undefined) return `is missing${only ?? ''}`;
  if (value === null) {
    if (only !== undefined) return `is empty${only}`;
    const none = issue.code === 'invalid_type' && issue.expected === 'array' ? 'write [] for none' : 'give it a value';
    return `is empty; ${none}, or leave the key out`;
  }
  if (issue.code === 'invalid_value') return wrongChoice(issue.values, value);
  if (issue.code !== 'invalid_type' || issue.message !== NO_WORDS) return issue.message;
  return `must be ${TYPES[issue.expected] ?? issue.expected}, not ${nameType(value)}${quotesHint(issue.expected, value)}`;
}

/** What to write where there is no choice. */
function onlyValue(issue: Issue): string | undefined {
  if (issue.code !== 'invalid_value' || issue.values.length > 1) return undefined;
  return `: write "${String(issue.values[0])}"`;
}

function wrongChoice(choices: readonly z.core.util.Primitive[], value: unknown): string {
  const texts = choices.map(String);
  const rule = texts.length === 1 ? `must be "${texts[0]}"` : `must be one of ${texts.join(', ')}`;
  if (typeof value !== 'string') return rule;
  if (texts.includes(value)) return `${rule}, without quotes`;
  const meant = texts.length === 1 ? undefined : nearest(value, texts);
  return meant === undefined ? rule : `${rule}; did you mean "${meant}"?`;
}

function nameType(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number') return Number.isFinite(value) ? 'a number' : 'this';
  return typeof value === 'boolean' ? 'true or false' : 'this';
}

/** YAML takes `8080`, `1e3` and `true` for something else than text unless they are quoted. */
function quotesHint(expected: string, value: unknown): string {
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return ': put it in quotes';
  return expected === 'number' && typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value))
    ? ': leave the quotes out'
    : '';
}

function remedyOf(issue: Issue): string | undefined {
  const remedy: unknown = issue.code === 'custom' ? issue.params?.['remedy'] : undefined;
  return typeof remedy === 'string' ? remedy : undefined;
}

function valueAt(spec: unknown, path: Path): unknown {
  let value = spec;
  for (const part of path) value = (value as Readonly<Record<string | number, unknown>> | undefined)?.[part];
  return value;
}
