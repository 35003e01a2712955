// What lies in a folder, as text without a secret: every file, and of objects their kind, labels, annotations and entries.
import { X509Certificate } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;
/** Members of a JWK that are the key itself. */
const KEY_MEMBERS = ['k', 'x', 'y', 'n'];
/** Entries that hold no secret. */
const PLAIN = ['alg', 'createdAt', 'kid', 'kind', 'username'];

/** A function that describes one folder again and again. `counted`: what counts of an entry, see allowances.mjs. */
export function folderDescriber(folder, counted) {
  const known = new Map();
  return () =>
    readdirSync(folder, { recursive: true })
      .sort()
      .filter((name) => !/^given\b/.test(name))
      .map((name) => describeFile(folder, name, { counted, known }))
      .join('\n');
}

function describeFile(folder, name, { counted, known }) {
  const file = path.join(folder, name);
  const stats = lstatSync(file, { bigint: true });
  const head = `${name}${stats.isDirectory() ? '/' : ''} ${(Number(stats.mode) & 0o7777).toString(8)}`;
  if (!stats.isFile() || !name.endsWith('.yaml')) return head;
  const stamp = `${stats.ino} ${stats.size} ${stats.ctimeNs}`;
  if (known.get(name)?.stamp !== stamp) {
    known.set(name, { stamp, text: describeManifest(readFileSync(file, 'utf8'), counted) });
  }
  return `${head}\n${known.get(name).text}`;
}

function describeManifest(text, counted) {
  let manifest;
  try {
    manifest = parse(text);
  } catch {
    return '  (not YAML)';
  }
  if (manifest?.data === undefined) return '  (no object)';
  const { data, ...rest } = manifest;
  const encoding = manifest.kind === 'Secret' ? 'base64' : 'utf8';
  const entries = Object.entries(data).map(([entry, value]) => {
    const lines = describeEntry(entry, Buffer.from(`${value}`, encoding).toString(), counted);
    return `  ${entry}: ${lines.replaceAll('\n', '\n    ')}`;
  });
  return `  ${json(rest).replaceAll('\n', '\n  ')}\n${entries.join('\n')}`;
}

function describeEntry(name, text, counted) {
  if (PLAIN.includes(name)) return text;
  try {
    if (name === 'record.json') return json(counted.record(JSON.parse(text)));
    if (name === 'audit.jsonl')
      return counted.audit(text.split(/\n(?=.)/).map((line) => json(JSON.parse(line)))).join('\n');
    if (name.endsWith('.json')) return json(JSON.parse(text));
    const certificates = text.match(CERTIFICATE) ?? [];
    return certificates.length === 0 ? '(not shown)' : certificates.map(describeCertificate).join('\n');
  } catch {
    return '(damaged)';
  }
}

function describeCertificate(pem) {
  const { subject, issuer, subjectAltName, keyUsage, ca, validFrom, validTo } = new X509Certificate(pem);
  const [of, by] = [subject, issuer].map((name) => name.replaceAll('\n', ', '));
  return json({ subject: of, issuer: by, subjectAltName, keyUsage, ca, validFrom, validTo });
}

function json(value) {
  return JSON.stringify(
    value,
    (name, member) => (KEY_MEMBERS.includes(name) && typeof member === 'string' ? '(not shown)' : member),
    2,
  );
}
