import { defaultSpec } from '../../../installation/defaults.ts';
import type { GivenSpec } from '../../../installation/given.ts';
import type { InstallationSpec, ServiceSpec } from '../../../installation/spec.ts';
import { type Finding, finding } from './finding.ts';

const SERVICES = 'serviceCertificates.services';
const MESSAGE_BUS = 'messageBus';

/** Only fields whose default has changed (docs/decisions/0014), and only where the file leaves them out. */
export function offersOf(spec: InstallationSpec, given: GivenSpec | undefined): readonly Finding[] {
  const isLeftOut = (field: string): boolean => given?.leftOut.includes(field) ?? true;
  return [
    ...(isLeftOut(SERVICES) ? offeredServices(spec) : []),
    ...(isLeftOut(MESSAGE_BUS) ? offeredMessageBus(spec) : []),
  ];
}

function offeredServices(spec: InstallationSpec): readonly Finding[] {
  const standard = defaultSpec();
  // A default service without a namespace of its own is in the platform's, whatever that is called here.
  const placeOf = ({ name, namespace }: ServiceSpec, home: string): string =>
    namespace === home ? name : `${namespace}/${name}`;
  const there = new Set(spec.serviceCertificates.services.map((service) => placeOf(service, spec.namespace)));
  const missing = standard.serviceCertificates.services
    .map((service) => placeOf(service, standard.namespace))
    .filter((place) => !there.has(place));
  if (missing.length === 0) return [];
  return [
    changedDefault(
      SERVICES,
      `this installation keeps its ${spec.serviceCertificates.services.length} services; a new one would also have ${missing.join(', ')}`,
      `list all services that you want under ${SERVICES} in the spec file, then run palette-keys init`,
    ),
  ];
}

function offeredMessageBus({ messageBus }: InstallationSpec): readonly Finding[] {
  if (messageBus === null) return [];
  return [
    changedDefault(
      MESSAGE_BUS,
      `this installation keeps its message bus (service ${messageBus.service}); a new one would have none`,
      'if your platform no longer uses it (4.6.12 and later), set messageBus: null in the spec file, then run palette-keys init',
    ),
  ];
}

function changedDefault(field: string, message: string, remedy: string): Finding {
  return finding('SPEC_DEFAULT_CHANGED', field, message, remedy);
}
