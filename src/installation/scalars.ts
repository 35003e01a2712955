import * as z from 'zod/mini';

import {
  DNS_LABEL,
  DNS_NAME,
  DNS_NAME_OR_WILDCARD,
  explainDnsName,
  isIpAddress,
  LABEL,
  looksLikeIpv4,
  MAX_DNS_NAME,
} from '../host.ts';
import { DURATION, MAX_DURATION, parseDuration } from './duration.ts';
import { mongodbUriFault } from './mongodb-uri.ts';

/** Comes first, so that `kubectl create -R -f` makes the namespaces before what lies in them. */
const NAMESPACES_FILE = '00-namespaces.yaml';

const LABEL_RULE =
  'must be an RFC 1123 label: at most 63 lower-case letters, digits and "-", with a letter or digit first and last';

const DURATION_RULE = 'must be a duration: a positive whole number and s, m, h or d, as in 24h';

/** Text of one form. `rule` completes the sentence that begins with the field's name. */
function text(pattern: RegExp, maximum: number, rule: string) {
  return z.string().check(z.maxLength(maximum, { error: rule, abort: true }), z.regex(pattern, { error: rule }));
}

function dns(pattern: RegExp) {
  const error = (issue: { readonly input?: unknown }) => explainDnsName(String(issue.input));
  return z.string().check(
    z.maxLength(MAX_DNS_NAME, { error, abort: true }),
    z.regex(pattern, { error, abort: true }),
    z.refine((value) => !looksLikeIpv4(value), { error: 'must be a DNS name, not an IP address' }),
  );
}

export const label = text(DNS_LABEL, 63, LABEL_RULE);

/** A namespace, as folder and as Kubernetes object. */
export const namespaceName = z.string().check(
  z.maxLength(63, { error: LABEL_RULE, abort: true }),
  z.regex(DNS_LABEL, { error: LABEL_RULE, abort: true }),
  z.refine((name) => name >= NAMESPACES_FILE, {
    error: `must not sort before "${NAMESPACES_FILE}", which the directory store needs first`,
    params: { remedy: 'Take a name that begins with a letter.' },
  }),
);

/** The name of a Secret: a DNS subdomain. */
export const objectName = text(
  DNS_NAME,
  MAX_DNS_NAME,
  `must be a DNS subdomain: at most ${MAX_DNS_NAME} lower-case letters, digits, "-" and "."`,
);

/** The longest name after it is that of a tenant's message-bus account, about 100 characters: 253 are never reached. */
export const namePrefix = text(
  /^(?:[a-z0-9][a-z0-9-]*)?$/,
  63,
  'must be at most 63 lower-case letters, digits and "-", with a letter or digit first',
);

export const dnsName = dns(DNS_NAME);
export const dnsNameOrWildcard = dns(DNS_NAME_OR_WILDCARD);

/** Without a zone (`fe80::1%eth0`): a certificate has no place for one. */
export const ipAddress = z.string().check(z.refine(isIpAddress, { error: 'must be an IPv4 or IPv6 address' }));

export const duration = z.string({ error: DURATION_RULE }).check(
  z.regex(DURATION, { error: DURATION_RULE, abort: true }),
  z.refine((value) => parseDuration(value) <= MAX_DURATION, { error: 'must be at most 36500d' }),
);

const mongodbUriError = ({ input }: { readonly input?: unknown }) => mongodbUriFault(String(input));

export const mongodbUri = z.string().check(
  z.maxLength(4096, { error: 'must have at most 4096 characters', abort: true }),
  // For editors; what it lets pass is looked at more closely.
  z.regex(/^mongodb(?:\+srv)?:\/\/[^@\s]+$/, { error: mongodbUriError, abort: true }),
  z.refine((uri) => mongodbUriFault(uri) === undefined, { error: mongodbUriError }),
);

export const mongodbUsername = text(
  /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
  64,
  'must be at most 64 letters, digits, ".", "_" and "-", with a letter or digit first',
);

export const mongodbDatabase = z.string().check(
  z.regex(/^[A-Za-z0-9_-]{1,63}$/, { error: 'must be at most 63 letters, digits, "_" and "-"', abort: true }),
  z.refine((name) => !['admin', 'config', 'local'].includes(name), { error: "must not be one of MongoDB's own" }),
);

export const mongodbCollection = text(
  /^(?!system\.)[A-Za-z_][A-Za-z0-9_.-]*$/,
  120,
  'must be at most 120 letters, digits, ".", "_" and "-", with a letter or "_" first, and not begin with "system."',
);

export const mongodbField = text(
  /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*$/,
  255,
  'must be the name of a field, or names joined by dots',
);

export const replicaSet = text(
  /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
  64,
  'must be at most 64 letters, digits, ".", "_" and "-"',
);

/** A workload's kinds are those that the rotation knows to watch and restart. */
export const workload = text(
  new RegExp(`^(?:Deployment|StatefulSet|DaemonSet|CronJob|Job)/${LABEL}/(?:${LABEL}\\.)*${LABEL}$`),
  400,
  'must be <Deployment|StatefulSet|DaemonSet|CronJob|Job>/<namespace>/<name>',
);
