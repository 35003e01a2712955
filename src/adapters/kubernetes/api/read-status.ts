import { isObject, listAt, numberAt, objectAt, textAt } from '../json.ts';
import type { ApiStatus } from './failure.ts';
import type { Mask } from './mask.ts';

export function readStatus(json: unknown, mask: Mask): ApiStatus | undefined {
  if (!isObject(json) || textAt(json, 'kind') !== 'Status' || textAt(json, 'apiVersion') !== 'v1') return undefined;
  const details = objectAt(json, 'details');
  const text = (value: unknown, key: string): string => mask(textAt(value, key) ?? '');
  return {
    reason: textAt(json, 'reason') ?? '',
    message: text(json, 'message'),
    kind: textAt(details, 'kind'),
    name: textAt(details, 'name'),
    causes: listAt(details, 'causes').map((cause) => ({
      reason: text(cause, 'reason'),
      field: text(cause, 'field'),
      message: text(cause, 'message'),
    })),
  };
}

/** What the server asks to wait: seconds or a date (RFC 9110, section 10.2.3), else a field of its Status. */
export function retryAfter(header: string | undefined, date: string | undefined, json: unknown): number | undefined {
  if (header !== undefined && /^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const until = Date.parse(header ?? '');
  if (!Number.isNaN(until)) return Math.max(0, until - (Date.parse(date ?? '') || Date.now()));
  const seconds = numberAt(objectAt(json, 'details'), 'retryAfterSeconds');
  return seconds === undefined || seconds <= 0 ? undefined : seconds * 1000;
}
