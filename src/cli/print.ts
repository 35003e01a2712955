import type { ExitCode } from '../errors.ts';
import { defaultSpec, MESSAGE_BUS_DEFAULTS } from '../installation/defaults.ts';
import { renderTemplate } from '../installation/template.ts';
import { initNeeds } from '../reconcile/access/needs.ts';
import { rbacFor } from '../reconcile/access/rbac.ts';
import { renderManifests } from './init/manifests.ts';
import type { CliPorts, InitOptions } from './ports.ts';
import { readSpecFile } from './spec-file.ts';

/** `init --print-config`: the default spec with comments. */
export async function printConfig({ terminal }: CliPorts): Promise<ExitCode> {
  terminal.stdout.write(renderTemplate());
  return 0;
}

/** What a service account `palette-keys` needs; the message bus included unless the file decides about that. */
export async function printRbac(options: InitOptions, ports: CliPorts): Promise<ExitCode> {
  const file = await readSpecFile(options, ports);
  const given = file?.against(undefined) ?? defaultSpec();
  const isLeftOut = file?.leftOut.includes('messageBus') ?? true;
  const spec = isLeftOut ? { ...given, messageBus: MESSAGE_BUS_DEFAULTS } : given;
  const subject = { kind: 'ServiceAccount', name: 'palette-keys', namespace: spec.ledgerNamespace } as const;
  ports.terminal.stdout.write(renderManifests(rbacFor(initNeeds(spec), subject)));
  return 0;
}
