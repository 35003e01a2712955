import { inShell } from './command-line.ts';
import type { RotateOptions } from './ports.ts';

/** The command that goes on with a rotation: this run's flags but those that only show something, and `--again`. */
export function nextCommand(kind: string, options: RotateOptions, flag: string): string {
  const { dir, kubeconfig, context, cluster, user, as, asGroup = [], requestTimeout, config, namespace } = options;
  const { rollback, reinstate, retire, destroy, restart, compromised, wait, yes, service = [] } = options;
  const { mongodbUri, mongodbUriFile, mongodbAdminUriFile, tenantStore, acceptResets, ignorePod, probe } = options;
  const values: readonly (readonly [string, string | undefined])[] = [
    ['--dir', dir],
    ['--kubeconfig', kubeconfig],
    ['--context', context],
    ['--cluster', cluster],
    ['--user', user],
    ['--as', as],
    ...asGroup.map((group) => ['--as-group', group] as const),
    ['--request-timeout', requestTimeout],
    ['--config', config],
    ['-n', namespace],
    ['--reinstate', reinstate],
    ['--retire', retire],
    ['--destroy', destroy],
    ...service.map((name) => ['--service', name] as const),
    ['--mongodb-uri', mongodbUri],
    ['--mongodb-uri-file', mongodbUriFile],
    ['--mongodb-admin-uri-file', mongodbAdminUriFile],
    ['--accept-resets', acceptResets],
    ...ignorePod.map((pod) => ['--ignore-pod', pod] as const),
    ...probe.map((endpoint) => ['--probe', endpoint] as const),
  ];
  const set = { '--rollback': rollback, '--compromised': compromised, '--restart': restart, '--wait': wait };
  return inShell([
    ...['palette-keys', 'rotate', kind],
    ...values.flatMap(([name, value]) => (value === undefined ? [] : [name, value])),
    ...Object.entries(set).flatMap(([name, given]) => (given ? [name] : [])),
    ...(tenantStore ? [] : ['--no-tenant-store']),
    ...(yes ? ['--yes'] : []),
    flag,
  ]);
}
