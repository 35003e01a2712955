import { usageError } from '../../errors.ts';
import { DNS_LABEL, MAX_DNS_NAME, parseHostAndPort } from '../../host.ts';
import type { Terminal } from '../../ports/terminal.ts';
import { kindsWith, type RotateOption } from '../../rotation/policy.ts';
import type { Request } from '../../rotation/request.ts';
import type { Endpoint, RotateRequest } from '../../rotation/rotate-request.ts';
import { flagFor, type Word } from '../../rotation/word.ts';
import { nextCommand } from '../next-command.ts';
import type { RotateOptions } from '../ports.ts';

/** What the flags say, but for the kind. Throws USAGE where they contradict each other. */
export function rotateInput(
  options: RotateOptions,
): Omit<RotateRequest, 'kind' | 'mayStart' | 'before' | 'assumeConsumersCurrent'> {
  const { compromised, again, due, restart, explain, dryRun, service } = options;
  return {
    request: requestOf(options),
    ...{ compromised, again, due, restart, services: service },
    acceptResets: options.acceptResets === undefined ? undefined : Number(options.acceptResets),
    dryRun: explain || dryRun,
    noTenantStore: !options.tenantStore,
    ignoredPods: options.ignorePod.map(podOf),
    endpoints: options.probe.map(endpointOf),
  };
}

function requestOf({
  rollback,
  reinstate,
  retire,
  destroy,
  due,
  compromised,
  again,
}: Pick<RotateOptions, 'rollback' | 'reinstate' | 'retire' | 'destroy' | 'due' | 'compromised' | 'again'>):
  | Request
  | undefined {
  const kids = Object.entries({ reinstate, retire, destroy }).flatMap(([type, kid]) =>
    kid === undefined ? [] : [{ type, kid } as Request],
  );
  const requests: readonly Request[] = [...(rollback ? [{ type: 'rollback' } as const] : []), ...kids];
  const [request, ...others] = requests;
  if (others.length > 0)
    throw usageError('--rollback, --reinstate, --retire and --destroy exclude each other', 'give one of them');
  if (request !== undefined && (due || compromised || again)) {
    throw usageError(
      `--${request.type} is one step, and opens no rotation`,
      'leave --due, --compromised and --again out',
    );
  }
  return request;
}

/** What the operator vouches for; undefined where the flag was not given. `checkFlags` has seen its value. */
export function wordOf(
  kind: string,
  options: RotateOptions,
  { interactive }: Pick<Terminal, 'interactive'>,
): Word | undefined {
  const { assumeConsumersCurrent: given } = options;
  if (given === undefined) return undefined;
  return {
    generation: given === true ? undefined : Number(given),
    onTerminal: interactive,
    command: (generation) => nextCommand(kind, options, flagFor(generation)),
  };
}

/** Throws USAGE for flags that make no sense together. */
export function checkFlags({
  kind,
  due,
  service,
  acceptResets,
  plan,
  wait,
  explain,
  output,
  ...options
}: RotateOptions): void {
  if (output === 'prometheus') throw usageError('-o prometheus is for status', 'take table, json or yaml');
  if (due && kind !== undefined) throw usageError('--due is for all kinds', `leave --due or ${kind} out`);
  const { assumeConsumersCurrent: word } = options;
  if (typeof word === 'string' && !/^[1-9]\d{0,14}$/.test(word)) {
    throw usageError(
      `--assume-consumers-current=${word} is not a generation`,
      'give the number that the last run printed; the kind of key stands before the flag',
    );
  }
  if (due && word !== undefined) {
    throw usageError(
      '--due waits for nobody, and takes no word for it: --assume-consumers-current is for one kind',
      'leave it out, or name the kind instead of --due',
    );
  }
  if (due && (options.compromised || wait || plan))
    throw usageError('--due takes what is due', 'leave --compromised, --wait and --plan out');
  if (wait && (plan || explain || options.dryRun))
    throw usageError('--wait is for a run that writes', 'leave --plan, --explain and --dry-run out');
  // The road is that of a rotation: what is asked for by name is not on it.
  if (plan && (requestOf({ due, ...options }) ?? acceptResets) !== undefined)
    throw usageError('--plan shows the road of a rotation, and no single step', '--dry-run shows what a step comes to');
  if (service !== undefined)
    checkTakes(kind, '--service', { hint: (taker) => `palette-keys rotate ${taker} --service NAME` });
  if (options.mongodbAdminUriFile !== undefined && kind !== undefined) checkTakes(kind, '--mongodb-admin-uri-file');
  if (options.probe.length > 0 && kind !== undefined)
    checkTakes(kind, '--probe', { why: ': its gate alone asks what is served' });
  if (acceptResets !== undefined) checkResets(acceptResets, kind, options);
}

/** Throws USAGE for an option that is for other kinds. */
function checkTakes(
  kind: string | undefined,
  option: RotateOption,
  { hint = () => 'leave it out', why = '' }: { readonly hint?: (takers: string) => string; readonly why?: string } = {},
): void {
  const takers = kindsWith(option);
  if (kind !== undefined && takers.includes(kind)) return;
  const names = takers.join(' and ');
  throw usageError(`${option} is for ${names}${why}`, hint(names));
}

function checkResets(
  count: string,
  kind: string | undefined,
  { again, compromised, rollback, reinstate }: Partial<RotateOptions>,
): void {
  if (!/^\d{1,15}$/.test(count)) throw usageError(`--accept-resets ${count} is not a number`, 'give the count');
  checkTakes(kind, '--accept-resets', { hint: (taker) => `palette-keys rotate ${taker} --accept-resets N` });
  if (again || compromised || rollback || reinstate !== undefined) {
    throw usageError(
      '--accept-resets retires an old salt, and opens no rotation',
      rollback
        ? 'a salt that is published is given up by name: --retire KID --accept-resets N'
        : 'rotate first; the count of what needs the old salt is known after that',
    );
  }
}

/** A Pod as Kubernetes names it: a label (RFC 1123) for the namespace, and a subdomain whose labels may be of any length. */
function podOf(text: string): string {
  const [namespace = '', name = '', ...others] = text.split('/');
  const isName =
    name.length <= MAX_DNS_NAME && name.split('.').every((part) => /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(part));
  if (others.length > 0 || !DNS_LABEL.test(namespace) || !isName) {
    throw usageError(`--ignore-pod ${text} is not the name of a Pod`, 'write NAMESPACE/NAME');
  }
  return text;
}

function endpointOf(text: string): Endpoint {
  const endpoint = parseHostAndPort(text);
  if (typeof endpoint === 'string') throw usageError(`--probe ${text}: ${endpoint}`, 'write HOST:PORT, or [IPv6]:PORT');
  return endpoint;
}
