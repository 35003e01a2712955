import { sha256Hex } from '../crypto/digest.ts';

/** One changed object, as an audit record names it; public facts alone. */
export interface AuditChange {
  readonly action: string;
  readonly object: string;
  readonly key: string;
  readonly kid?: string;
  readonly fingerprint?: string;
}

export type AuditResult = 'done' | 'completed an interrupted run' | 'rebuilt the record' | 'chain-broken';

/** Who did what, when, with which result. Holds no key bytes. */
export interface AuditRecord {
  readonly time: string;
  readonly user: string;
  readonly host: string;
  readonly command: string;
  readonly toolVersion: string;
  readonly installationId: string;
  /** The record's generation that the run brought about. */
  readonly generation: number;
  readonly result: AuditResult;
  readonly changes: readonly AuditChange[];
  /** Active kids after the run, by kind. */
  readonly active: Readonly<Record<string, string>>;
}

/** Bytes of `audit.jsonl` after which it is copied away and begun again: with one more line and the spec it fits into 1 MiB. */
export const AUDIT_LIMIT = 384 * 1024;

/** `audit.jsonl` with one line more. Each line holds the SHA-256 of the bytes of the line before as `prev`. */
export function appendLine(log: string, record: AuditRecord, prev: string | null): string {
  // A last line that was cut keeps its bytes, on a line of its own.
  const end = log === '' || log.endsWith('\n') ? '' : '\n';
  return `${log}${end}${JSON.stringify({ ...record, prev })}\n`;
}

/** SHA-256 (hex) of a line's bytes without its line end. */
export function digestOf(line: string): string {
  return sha256Hex(Buffer.from(line, 'utf8'));
}

/** SHA-256 (hex) of the last line's bytes without its line end; null for an empty log. */
export function lastDigest(log: string): string | null {
  const last = linesOf(log).at(-1);
  return last === undefined ? null : digestOf(last);
}

/** No installation comes to it. */
const MAX_GENERATION = 1e12;

/** Generation of the last record, or 0 where there is none that can be read. */
export function lastGeneration(log: string): number {
  const generation = parseLine(linesOf(log).at(-1) ?? '')?.['generation'];
  return Number.isSafeInteger(generation) && Number(generation) < MAX_GENERATION ? Number(generation) : 0;
}

/** Number (from 1) of the first line that is no record, or does not go on from the one before; else undefined. */
export function firstBreak(log: string): number | undefined {
  if (log !== '' && !log.endsWith('\n')) return linesOf(log).length;
  const all = linesOf(log);
  const broken = all.findIndex((line, index) => {
    const record = parseLine(line);
    if (record === undefined || typeof record['generation'] !== 'number' || record['prev'] === undefined) return true;
    const before = all[index - 1];
    // The first line of a log that was begun anew refers to the last one of the copy.
    return before !== undefined && record['prev'] !== digestOf(before);
  });
  return broken === -1 ? undefined : broken + 1;
}

/** Every change that the log tells of, with its time; lines that are no record are passed over. */
export function auditedChanges(log: string): readonly { readonly time: string; readonly change: AuditChange }[] {
  return linesOf(log).flatMap((line) => {
    const { time, changes } = parseLine(line) ?? {};
    if (typeof time !== 'string' || !Array.isArray(changes)) return [];
    return changes.filter(isChange).map((change) => ({ time, change }));
  });
}

function isChange(value: unknown): value is AuditChange {
  if (typeof value !== 'object' || value === null) return false;
  const { action, object, key, kid }: Partial<Record<string, unknown>> = { ...value };
  return [action, object, key, kid ?? ''].every((each) => typeof each === 'string');
}

/** Without line ends, and without empty ones. */
export function linesOf(log: string): string[] {
  return log.split('\n').filter((line) => line !== '');
}

/** Undefined for what is no JSON object. */
export function parseLine(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
