import { Buffer } from 'node:buffer';

import { endsInNumber, MAX_DNS_NAME } from '../host.ts';
import { parseDuration } from './duration.ts';
import { weakOptionsOf } from './mongodb-uri.ts';
import { mountableNames } from './names.ts';
import type { Mistake, Path } from './parse/mistakes.ts';
import { nearest } from './parse/nearest.ts';
import { SPLIT } from './schema.ts';
import type { SpecDraft } from './spec.ts';
import { consumersOnce, secretsOnce, servicesOnce } from './unique-rules.ts';

/** What the record's ConfigMap has room for beside the keys, in bytes of JSON: half of 1 MiB. */
const MAX_JSON = 524_288;

const RULES = [
  ledgerApart,
  leavesWithinCa,
  dnsNamesShort,
  servicesOnce,
  secretsOnce,
  consumersOnce,
  consumersKnown,
  recordable,
];

/** For new installations alone: one that is there is worse off unreadable than with services that do without TLS. */
const NEW_RULES = [connectionProtected, namesNotNumeric];

/** What no single field can tell. A rule skips what is undefined: that is invalid by itself, and reported already. */
export function checkRules(spec: SpecDraft, isRecorded: boolean): Mistake[] {
  return [...RULES, ...(isRecorded ? [] : NEW_RULES)].flatMap((rule) => rule(spec));
}

/** Clients take such a name for an address, and look up no name server. */
function namesNotNumeric(spec: SpecDraft): Mistake[] {
  const lists: [readonly (string | undefined)[] | undefined, Path][] = [
    [spec.grpc?.dnsNames, ['grpc', 'dnsNames']],
    [spec.messageBus?.dnsNames, ['messageBus', 'dnsNames']],
    ...(spec.serviceCertificates?.services ?? []).map(
      (service, i): [readonly (string | undefined)[] | undefined, Path] => [
        service?.dnsNames,
        ['serviceCertificates', 'services', i, 'dnsNames'],
      ],
    ),
  ];
  const names: [string | null | undefined, Path][] = [
    [spec.clusterDomain, ['clusterDomain']],
    [spec.rootDomain, ['rootDomain']],
    [spec.clusterCA?.trustDomain, ['clusterCA', 'trustDomain']],
    ...lists.flatMap(([list = [], path]) => list.map((name, i): [string | undefined, Path] => [name, [...path, i]])),
  ];
  return names.flatMap(([name, path]) =>
    endsInNumber(name ?? '') ? [{ path, message: 'must be a DNS name: its last label is a number' }] : [],
  );
}

/** It is handed to all services as it is. */
function connectionProtected({ mongodb }: SpecDraft): Mistake[] {
  const weak = weakOptionsOf(mongodb?.uri ?? '');
  if (weak.length === 0) return [];
  const message = `must not turn off what protects the connection: ${weak.join(', ')}`;
  return [{ path: ['mongodb', 'uri'], message, remedy: 'Leave it out; another CA is named by tlsCAFile.' }];
}

/** Nothing mounts from the ledger's namespace: the private keys of the CAs are there. */
function ledgerApart(spec: SpecDraft): Mistake[] {
  const { ledgerNamespace, namespace, ingress, serviceCertificates, consumers } = spec;
  if (ledgerNamespace === undefined) return [];
  const others: [string | undefined, Path][] = [[ingress?.namespace, ['ingress', 'namespace']]];
  for (const [i, service] of (serviceCertificates?.services ?? []).entries()) {
    // A service that is in the platform's own namespace is no second mistake.
    if (namespace !== ledgerNamespace) {
      others.push([service?.namespace, ['serviceCertificates', 'services', i, 'namespace']]);
    }
  }
  for (const [i, consumer] of (consumers ?? []).entries()) {
    others.push([consumer?.workload?.split('/')[1], ['consumers', i, 'workload']]);
  }
  const own: Mistake = { path: ['ledgerNamespace'], orAt: ['namespace'], message: apart(`namespace, ${namespace}`) };
  const message = apart(`ledgerNamespace, ${ledgerNamespace}`);
  return [
    ...(namespace === ledgerNamespace ? [own] : []),
    ...others
      .filter(([other]) => other === ledgerNamespace)
      .map(([, path]) => ({ path, orAt: ['ledgerNamespace'], message })),
  ].map((mistake) => ({ ...mistake, remedy: 'Give the ledger a namespace of its own.' }));
}

function apart(other: string): string {
  return `must be apart from ${other}: no workload mounts from where the ledger is`;
}

function leavesWithinCa({ serviceCertificates, internalCA }: SpecDraft): Mistake[] {
  const leaf = serviceCertificates?.validity;
  const ca = internalCA?.validity;
  if (leaf === undefined || ca === undefined || parseDuration(leaf) < parseDuration(ca)) return [];
  const message = `must be shorter than internalCA.validity, ${ca}: a certificate ends before its CA does`;
  return [{ path: ['serviceCertificates', 'validity'], orAt: ['internalCA', 'validity'], message }];
}

/** Names that are made of valid parts can still be longer than DNS allows. */
function dnsNamesShort(spec: SpecDraft): Mistake[] {
  const { clusterDomain, namespace, mongodb, grpc, messageBus, serviceCertificates } = spec;
  const members = mongodb?.members ?? 1;
  const hosts = [
    [mongodb?.service && `${mongodb.service}-${members - 1}.${mongodb.service}`, namespace],
    [grpc?.service, namespace],
    [messageBus?.service, namespace],
    ...(serviceCertificates?.services ?? []).map((service) => [service?.name, service?.namespace]),
  ];
  const longest = hosts
    .map(([host, hostNamespace]) => (host && hostNamespace ? `${host}.${hostNamespace}.svc.${clusterDomain}` : ''))
    .reduce((a, b) => (b.length > a.length ? b : a), '');
  if (clusterDomain === undefined || longest.length <= MAX_DNS_NAME) return [];
  const message = `makes "${longest}" longer than the ${MAX_DNS_NAME} characters of a DNS name`;
  return [{ path: ['clusterDomain'], message }];
}

/** A consumer of something misspelt would keep no gate closed. */
function consumersKnown({ consumers, namePrefix, ingress, serviceCertificates }: SpecDraft): Mistake[] {
  const leaves = serviceCertificates?.services?.map((service) => service?.secretName);
  if (namePrefix === undefined || ingress?.secretName === undefined || leaves === undefined) return [];
  const known = [...mountableNames({ namePrefix }), ingress.secretName, ...leaves];
  if (!isComplete(known)) return [];
  const names = new Set(known);
  return (consumers ?? []).flatMap((consumer, i) => {
    if (consumer?.object === undefined || names.has(consumer.object)) return [];
    const meant = nearest(consumer.object, known);
    const message = `names nothing that this installation makes${meant === undefined ? '' : `; did you mean "${meant}"?`}`;
    return [{ path: ['consumers', i, 'object'], message }];
  });
}

/** Aliases and defaults can make a spec far larger than its file. */
function recordable(spec: SpecDraft): Mistake[] {
  const size = Buffer.byteLength(JSON.stringify(spec));
  const message = `is too large for the installation's record: ${size} bytes of at most ${MAX_JSON}`;
  return size <= MAX_JSON ? [] : [{ path: [], message, remedy: SPLIT }];
}

function isComplete<T>(values: readonly (T | undefined)[]): values is readonly T[] {
  return !values.includes(undefined);
}
