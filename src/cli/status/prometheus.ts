import type { LeafStatus, StatusReport } from '../../status/plan/status.ts';

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Prometheus text exposition format 0.0.4. Times are seconds since the epoch. */
export function renderMetrics(report: StatusReport): string {
  const seconds = (time: string): number => Date.parse(time) / 1000;
  const versions = report.keys.flatMap(({ key, versions: list = [] }) => list.map((version) => ({ key, ...version })));
  const leaves = report.keys.flatMap(({ key, versions: list, objects }) =>
    list === undefined ? (objects as readonly LeafStatus[]).map((leaf) => ({ key, ...leaf })) : [],
  );
  const expiring = [
    ...versions.map(({ key, kid, notAfter }) => ({ labels: { key, kid }, notAfter })),
    ...leaves.map(({ key, object, notAfter }) => ({ labels: { key, object }, notAfter })),
  ];
  return [
    metric('palette_keys_installation_info', 'The installation; always 1.', [
      { labels: { installation: report.installationId }, value: 1 },
    ]),
    metric(
      'palette_keys_version_info',
      'A version of a key and its state; always 1.',
      versions.map(({ key, n, kid, state }) => ({ labels: { key, version: String(n), kid, state }, value: 1 })),
    ),
    metric(
      'palette_keys_version_created_timestamp_seconds',
      'When a version was made.',
      versions.map(({ key, kid, createdAt }) => ({ labels: { key, kid }, value: seconds(createdAt) })),
    ),
    metric(
      'palette_keys_not_after_timestamp_seconds',
      'When a certificate expires.',
      expiring.flatMap(({ labels, notAfter }) =>
        notAfter === undefined ? [] : [{ labels, value: seconds(notAfter) }],
      ),
    ),
    metric(
      'palette_keys_rotate_after_timestamp_seconds',
      'When the renewal of a certificate is due.',
      leaves.flatMap(({ key, object, rotateAfter }) =>
        rotateAfter === undefined ? [] : [{ labels: { key, object }, value: seconds(rotateAfter) }],
      ),
    ),
    metric(
      'palette_keys_finding',
      'A finding of status; always 1.',
      report.findings.map(({ code, severity, subject }) => ({ labels: { code, severity, subject }, value: 1 })),
    ),
  ].join('');
}

function metric(name: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(({ labels, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
    return `${name}{${pairs.join(',')}} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('')}`;
}

/** Backslash, quote and line end are escaped in label values. */
function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
