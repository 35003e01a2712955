import type { KeyStore } from '../../ports/key-store.ts';
import type { TenantStore } from '../../ports/tenant-store.ts';
import type { RotatePorts } from '../../rotation/perform/ports.ts';
import type { RotateRequest } from '../../rotation/rotate-request.ts';
import { flagFor } from '../../rotation/word.ts';
import { auditedRewrap } from '../../tenants/audited-rewrap.ts';
import { applyPorts } from '../apply-ports.ts';
import type { CliPorts, RotateOptions } from '../ports.ts';
import { progressBar } from '../progress-bar.ts';
import { readStandingSpec } from '../spec-file.ts';
import { adminUriOf, loginPlaceOf, openCensus, openTenants, uriOf } from '../tenant-database.ts';
import { rotateInput } from './input.ts';

export interface Run {
  readonly options: RotateOptions;
  readonly ports: CliPorts;
  readonly store: KeyStore;
  readonly apply: Omit<RotatePorts, 'agree'>;
  readonly input: Omit<RotateRequest, 'kind' | 'mayStart' | 'before' | 'assumeConsumersCurrent'>;
  readonly bar: ReturnType<typeof progressBar>;
  close(): Promise<void>;
}

export async function openRun(options: RotateOptions, ports: CliPorts): Promise<Run> {
  const file = await readStandingSpec(options, ports);
  const input = rotateInput(options);
  const uri = await uriOf(options, ports);
  const adminUri = await adminUriOf(options, ports);
  await ports.checkConnections(uri, adminUri);
  let tenants: Promise<TenantStore> | undefined;
  const store = await ports.openStore(
    options,
    () => file?.ledgerNamespace,
    options.plan || options.explain ? 'reads' : 'dates',
  );
  const bar = progressBar(ports.terminal, options.quiet);
  const command = ['rotate', options.kind, ...flagsOf(options)].filter((word) => word !== undefined).join(' ');
  const spec = { spec: undefined, namespace: options.namespace, ledgerNamespace: file?.ledgerNamespace };
  const apply: Omit<RotatePorts, 'agree'> = {
    ...applyPorts(command, store, options, ports),
    emit: bar.emit,
    workloads: store.cluster?.workloads,
    probe: await ports.loadTlsProbe(),
    tenantDatabase: ({ mongodb }) => {
      if (uri === undefined && mongodb.uri === null) return undefined;
      return (access) => (tenants ??= openTenants(access, uri, options, ports));
    },
    censusDatabase: ({ mongodb }) => {
      if (uri === undefined && mongodb.uri === null) return undefined;
      return (access, collection) => openCensus(access, collection, uri, options, ports);
    },
    databaseUsers: ({ mongodb }, ca) => {
      // First where services log in: that may be by another database than the administrator's.
      const place = uri ?? mongodb.uri ?? adminUri;
      if (place === undefined) return undefined;
      const { database, collection } = mongodb;
      const users = { uri: place, adminUri, ...loginPlaceOf(mongodb.uri), ca, database, collection };
      return ports.openDatabaseUsers(users, options);
    },
    pause: ports.pause,
    rewrap: auditedRewrap,
    spec,
  };
  const close = async (): Promise<void> => (await tenants?.catch(() => undefined))?.close();
  return { options, ports, store, apply, input, bar, close };
}

/** For lock and audit: what decides about the keys, with its values, none of which is secret. */
function flagsOf(options: RotateOptions): readonly string[] {
  const { due, again, compromised, rollback, restart, assumeConsumersCurrent, tenantStore } = options;
  const set = { due, again, compromised, rollback, restart };
  const words = Object.entries(set).flatMap(([name, given]) => (given ? [`--${name}`] : []));
  const { reinstate, retire, destroy } = options;
  const kids = Object.entries({ reinstate, retire, destroy }).flatMap(([name, kid]) =>
    kid === undefined ? [] : [`--${name} ${kid}`],
  );
  const { acceptResets } = options;
  return [
    ...words,
    ...kids,
    ...(acceptResets === undefined ? [] : [`--accept-resets ${Number(acceptResets)}`]),
    ...(assumeConsumersCurrent === undefined ? [] : [wordIn(assumeConsumersCurrent)]),
    ...(tenantStore ? [] : ['--no-tenant-store']),
    ...options.ignorePod.map((pod) => `--ignore-pod ${pod}`),
    ...(options.service ?? []).map((name) => `--service ${name}`),
  ];
}

function wordIn(given: string | true): string {
  return given === true ? '--assume-consumers-current' : flagFor(Number(given));
}
