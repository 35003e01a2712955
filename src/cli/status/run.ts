import { type ExitCode, notInstalled } from '../../errors.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import type { StatusReport } from '../../status/plan/status.ts';
import { readStatus } from '../../status/read-status.ts';
import { accessIfWhole } from '../../tenants/see.ts';
import { explainingDenials } from '../access.ts';
import type { CliPorts, StatusOptions } from '../ports.ts';
import { writeDocument } from '../render/document.ts';
import { palette } from '../render/palette.ts';
import { lookAtTenants } from '../see-tenants.ts';
import { readStandingSpec } from '../spec-file.ts';
import { uriOf } from '../tenant-database.ts';

export async function runStatus(options: StatusOptions, ports: CliPorts): Promise<ExitCode> {
  const file = await readStandingSpec(options, ports);
  const uri = await uriOf(options, ports);
  const store = await ports.openStore(options, () => file?.ledgerNamespace, 'reports');
  const { clock } = ports;
  const request = { spec: undefined, namespace: options.namespace, ledgerNamespace: file?.ledgerNamespace };
  const look = (spec: InstallationSpec) =>
    lookAtTenants(spec, uri, options, () => accessIfWhole(spec.ledgerNamespace, { store, clock }), ports);
  const report = await explainingDenials(
    'status',
    () => readStatus({ store, clock }, request, look),
    store,
    file,
    ports,
  );
  if (report === undefined) throw notInstalled(store);
  await write(report, options, ports);
  const severe = options.failOn === 'warning' ? ['error', 'warning'] : ['error'];
  return report.findings.some(({ severity }) => severe.includes(severity)) ? 3 : 0;
}

async function write(report: StatusReport, { output }: StatusOptions, { terminal, clock }: CliPorts): Promise<void> {
  if (await writeDocument({ kind: 'Status', ...report }, output, terminal)) return;
  if (output === 'prometheus') {
    const { renderMetrics } = await import('./prometheus.ts');
    terminal.stdout.write(renderMetrics(report));
    return;
  }
  const { renderStatus } = await import('./table.ts');
  terminal.stdout.write(renderStatus(report, clock.now(), palette(terminal.colour.stdout)));
}
