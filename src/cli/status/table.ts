import type { KeyStatus, LeafStatus, StatusReport, VersionStatus } from '../../status/plan/status.ts';
import { formatDuration, lifeBar } from '../render/duration.ts';
import { countFindings, renderFindings } from '../render/findings.ts';
import type { Palette } from '../render/palette.ts';
import { type Cell, table } from '../render/table.ts';

/** Columns for the name, so that a line fits 80 of them. */
const LABEL = 29;

/** The table of `status`: a line for each version, or for each leaf certificate, then the findings. 80 columns. */
export function renderStatus(report: StatusReport, now: Date, paint: Palette): string {
  const head = ['KEY', 'STATE', 'AGE', 'EXPIRES', 'KID'].map((text) => ({ text, paint: paint.strong }));
  const rows = report.keys.flatMap((key) => rowsOf(key, report.namespace, now, paint));
  const findings = renderFindings(report.findings, paint);
  const count = countFindings(report.findings);
  return [
    `Installation ${report.installationId}\n\n`,
    table([head, ...rows]),
    report.audit === undefined ? '' : `\nAudit log: ${inLines(report.audit.lines)}, head\n${report.audit.head}\n`,
    findings === '' ? '' : `\n${findings}`,
    `\n${count === '' ? paint.good('All is well.') : count}\n`,
  ].join('');
}

function inLines(count: number): string {
  return count === 1 ? '1 line' : `${count} lines`;
}

function rowsOf(key: KeyStatus, home: string, now: Date, paint: Palette): readonly (readonly (string | Cell)[])[] {
  if (key.versions === undefined) {
    return (key.objects as readonly LeafStatus[]).map((leaf) => leafRow(key, leaf, home, now, paint));
  }
  const versions = key.versions.filter(({ state }) => state !== 'destroyed');
  if (versions.length === 0) return [[key.key, stateCell(key, 'missing', paint), '-', '-', '-']];
  return versions.map((version) => versionRow(key, version, now, paint));
}

function versionRow(key: KeyStatus, version: VersionStatus, now: Date, paint: Palette): readonly (string | Cell)[] {
  const { n, state, createdAt, notBefore = createdAt, notAfter, kid } = version;
  const end = notAfter === undefined ? '-' : expiry(new Date(notBefore), new Date(notAfter), now);
  const shown = key.kept === true ? `${state}, kept` : state;
  return [
    `${key.key} v${n}`,
    stateCell(key, shown, paint),
    formatDuration(now.getTime() - Date.parse(createdAt)),
    end,
    kid,
  ];
}

function leafRow(
  key: KeyStatus,
  leaf: LeafStatus,
  home: string,
  now: Date,
  paint: Palette,
): readonly (string | Cell)[] {
  const [, namespace = '', name = ''] = leaf.object.split('/');
  const place = namespace === home ? `  ${name}` : `  ${namespace}/${name}`;
  const label = place.length <= LABEL ? place : `${place.slice(0, LABEL - 1)}…`;
  const bad = key.findings.some(({ subject, severity }) => subject === leaf.object && severity === 'error');
  if (leaf.notBefore === undefined || leaf.notAfter === undefined)
    return [label, problem('missing', paint), '-', '-', '-'];
  const [from, to] = [new Date(leaf.notBefore), new Date(leaf.notAfter)];
  const state = bad ? problem('problem', paint) : 'issued';
  return [label, state, formatDuration(now.getTime() - from.getTime()), expiry(from, to, now), shortFingerprint(leaf)];
}

/** Errors are told apart by the word and its mark, not by colour alone. */
function stateCell(key: KeyStatus, state: string, paint: Palette): string | Cell {
  return key.findings.some(({ severity }) => severity === 'error') ? problem(state, paint) : state;
}

function problem(state: string, paint: Palette): Cell {
  return { text: `${state} !`, paint: paint.error };
}

function expiry(from: Date, to: Date, now: Date): string {
  const left = to.getTime() - now.getTime();
  return left <= 0 ? 'expired' : `${lifeBar(from, to, now)} ${formatDuration(left)}`;
}

function shortFingerprint({ fingerprint }: LeafStatus): string {
  return fingerprint === undefined ? '-' : `${fingerprint.slice(7, 19)}…`;
}
