import { PLATFORM_SECRETS, prefixed } from './names.ts';
import type { Mistake, Path } from './parse/mistakes.ts';
import type { SpecDraft } from './spec.ts';

const SERVICES: Path = ['serviceCertificates', 'services'];

export function servicesOnce({ serviceCertificates }: SpecDraft): Mistake[] {
  const ids = (serviceCertificates?.services ?? []).map((service) => join(service?.namespace, service?.name));
  return repeated(ids).map(([i, first, id]) => ({
    path: [...SERVICES, i, 'name'],
    message: `is there twice: services[${first}] is ${id} too`,
  }));
}

export function consumersOnce({ consumers }: SpecDraft): Mistake[] {
  const ids = (consumers ?? []).map((consumer) => join(consumer?.workload, consumer?.object));
  return repeated(ids).map(([i, first]) => ({
    path: ['consumers', i],
    message: `is there twice: consumers[${first}] has the same workload and object`,
  }));
}

/** Every Secret has one owner. */
export function secretsOnce(spec: SpecDraft): Mistake[] {
  const { namespace, namePrefix, ingress, serviceCertificates } = spec;
  const owners = new Map<string, string>();
  if (namespace !== undefined && namePrefix !== undefined) {
    for (const name of PLATFORM_SECRETS) owners.set(`${namespace}/${prefixed({ namePrefix }, name)}`, 'the platform');
  }
  const mistakes: Mistake[] = [];
  const claim = (id: string | undefined, owner: string, mistake: Omit<Mistake, 'message'>) => {
    const taken = id === undefined ? undefined : owners.get(id);
    if (taken === undefined && id !== undefined) owners.set(id, owner);
    if (taken !== undefined && taken !== owner) {
      mistakes.push({ ...mistake, message: `collides: Secret ${id} is that of ${taken}` });
    }
  };
  claim(join(ingress?.namespace, ingress?.secretName), 'ingress', {
    path: ['ingress', 'secretName'],
    orAt: ['ingress', 'namespace'],
  });
  for (const [i, service] of (serviceCertificates?.services ?? []).entries()) {
    // A service that is there twice has its Secret twice, which is no second mistake.
    claim(join(service?.namespace, service?.secretName), `service ${join(service?.namespace, service?.name)}`, {
      path: [...SERVICES, i, 'secretName'],
      orAt: [...SERVICES, i, 'name'],
    });
  }
  return mistakes;
}

function join(a: string | undefined, b: string | undefined): string | undefined {
  return a === undefined || b === undefined ? undefined : `${a}/${b}`;
}

/** The ids that were there before, each with its index and that of the first; undefined is never repeated. */
function repeated(ids: readonly (string | undefined)[]): readonly (readonly [number, number, string])[] {
  const first = new Map<string, number>();
  return ids.flatMap((id, i) => {
    if (id === undefined) return [];
    const before = first.get(id);
    if (before !== undefined) return [[i, before, id] as const];
    first.set(id, i);
    return [];
  });
}
