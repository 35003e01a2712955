import type { ExitCode } from '../errors.ts';
import { defaultSpec } from '../installation/defaults.ts';
import { renderTemplate } from '../installation/template.ts';
import { initNeeds } from '../plan/access.ts';
import { rbacFor } from '../plan/rbac.ts';
import type { CliPorts, InitOptions } from './ports.ts';
import { renderManifests } from './render/manifests.ts';
import { readSpecFile } from './spec-file.ts';

/** `init --print-config`: the default spec with comments. */
export async function printConfig({ terminal }: CliPorts): Promise<ExitCode> {
  terminal.stdout.write(renderTemplate());
  return 0;
}

/** `init --print-rbac`: what a service account `palette-keys` beside the ledger needs for the spec. */
export async function printRbac(options: InitOptions, ports: CliPorts): Promise<ExitCode> {
  const spec = (await readSpecFile(options, ports))?.against(undefined) ?? defaultSpec();
  const subject = { kind: 'ServiceAccount', name: 'palette-keys', namespace: spec.ledgerNamespace } as const;
  ports.terminal.stdout.write(renderManifests(rbacFor(initNeeds(spec), subject)));
  return 0;
}
