import { Garbled } from '../api/client.ts';
import { type JsonObject, listAt, objectAt, textAt } from '../json.ts';

/** The newest time (RFC 3339) at which anybody has written one of its fields; the server keeps that for every writer. */
export function lastChange(json: JsonObject): string | undefined {
  const metadata = objectAt(json, 'metadata');
  const times = listAt(metadata, 'managedFields').map((field) => textAt(field, 'time'));
  return [textAt(metadata, 'creationTimestamp'), ...times]
    .filter((time) => time !== undefined)
    .sort()
    .at(-1);
}

/** Throws Garbled for what is no time. */
export function readTime(text: string | undefined): Date {
  const time = new Date(text ?? Number.NaN);
  if (Number.isNaN(time.getTime())) throw new Garbled('it does not say when it was changed');
  return time;
}
