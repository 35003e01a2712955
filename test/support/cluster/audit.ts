import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { waitUntil } from './wait.ts';

/** A rule of `audit.k8s.io/v1`, such as `{level: 'RequestResponse', resources: [{group: '', resources: ['secrets']}]}`. */
export interface AuditRule {
  readonly level: 'None' | 'Metadata' | 'Request' | 'RequestResponse';
  readonly [field: string]: unknown;
}

/** One entry of the audit log; the fields that tests ask for are typed. */
export interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string; readonly groups?: readonly string[] };
  readonly objectRef?: { readonly resource?: string; readonly namespace?: string; readonly name?: string };
  readonly responseStatus?: { readonly code?: number };
  readonly [field: string]: unknown;
}

const MARKER = '/version?palette-keys-test=';

/** JSON is YAML. The rules given come before one that records the metadata of everything; the marker must not be lost. */
export function formatAuditPolicy(rules: readonly AuditRule[]): string {
  return JSON.stringify({
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [{ level: 'Metadata', nonResourceURLs: ['/version'] }, ...rules, { level: 'Metadata' }],
  });
}

/**
 * Everything audited up to now. An event is written after its request was answered, so a request of our own goes last
 * and the log is read once it shows up; it is left out of the result.
 */
export async function readAuditLog(
  log: string,
  get: (path: string) => Promise<unknown>,
): Promise<readonly AuditEvent[]> {
  const marker = `${MARKER}${randomUUID()}`;
  await get(marker);
  let events: readonly AuditEvent[] = [];
  const probe = async () => {
    events = existsSync(log) ? parse(await readFile(log, 'utf8')) : [];
    return events.some((event) => event.requestURI === marker);
  };
  await waitUntil(probe, { what: 'the audit log', timeoutMs: 10_000 });
  return events.filter((event) => !event.requestURI.startsWith(MARKER));
}

/** The last line may be half written. */
function parse(text: string): readonly AuditEvent[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as AuditEvent);
}
