import type { KindId } from '../ledger/entry.ts';

/** How the rotation of a kind differs from that of the others. What a step waits for is its gate's to say. */
export interface RotationPolicy {
  /** The old version stays trusted when the rotation is finished: nothing tells when it is no longer needed but a count. */
  readonly keepsTrusted: boolean;
  /** Only `--compromised` rotates it: there is no overlap, so every consumer stops until it is configured again. */
  readonly onlyCompromised: boolean;
  /**
   * Its gate also decides about destroying a version, and about giving up one that is only published. Data in a database
   * outlives the record, and may need a version that the record calls unused: see `forgottenBy`.
   */
  readonly guardsData: boolean;
  /** Its gate also decides about going back, and about giving up what is only published: a server has to have the user. */
  readonly guardsReturns: boolean;
  /** A consumer works with what it has loaded until it is restarted, though the spec says that it watches its files. */
  readonly staysLoaded: boolean;
  /** What a rotation changes besides objects of the store. */
  readonly worksOn: 'tenant keys' | 'database users' | undefined;
  /** What breaks first where `--compromised` skips the waits. It is printed before anything is written. */
  readonly breaks: readonly string[];
  /** Options of `rotate` that are for this kind alone, because no other gate asks for what they give. */
  readonly options: readonly RotateOption[];
}

export type RotateOption = '--service' | '--mongodb-admin-uri-file' | '--probe' | '--accept-resets';

const USUAL: RotationPolicy = {
  keepsTrusted: false,
  onlyCompromised: false,
  guardsData: false,
  guardsReturns: false,
  staysLoaded: false,
  worksOn: undefined,
  breaks: [],
  options: [],
};

const LEAVES: RotationPolicy = {
  ...USUAL,
  breaks: ['connections with the old certificates go on until their workloads are restarted: --restart'],
};

export const POLICIES: Readonly<Record<KindId, RotationPolicy>> = {
  'root-key': {
    ...USUAL,
    guardsData: true,
    worksOn: 'tenant keys',
    breaks: [
      'nothing breaks at once, but wrapping anew does not undo the leak: whoever held the root key may hold tenant keys',
      'the platform has to replace the key of every tenant, and to encrypt its data anew',
    ],
  },
  'jwt-signing-key': {
    ...USUAL,
    breaks: [
      'every session ends: tokens of the old key are no longer accepted, and users have to log in again',
      'verifiers that cache the key set reject new tokens until they fetch it again',
    ],
  },
  'hash-salt': {
    ...USUAL,
    keepsTrusted: true,
    guardsData: true,
    breaks: [
      'nothing breaks at once; passwords of users who do not log in again have to be reset before the salt can go',
    ],
    options: ['--accept-resets'],
  },
  'internal-ca': {
    ...USUAL,
    breaks: ['services that are not restarted in between lose each other: --restart goes through them in order'],
    options: ['--probe'],
  },
  'service-certificates': { ...LEAVES, options: ['--service'] },
  'mongodb-tls': { ...LEAVES, options: ['--mongodb-admin-uri-file'] },
  'grpc-tls': LEAVES,
  'message-bus-tls': LEAVES,
  'cluster-ca': {
    ...USUAL,
    breaks: ['clusters with certificates of the old CA are no longer admitted: every one has to be enrolled again'],
  },
  'message-bus-signing-key': {
    ...USUAL,
    staysLoaded: true,
    breaks: ['accounts that the old key signed are no longer believed: clusters need new credentials'],
  },
  'message-bus-operator': {
    ...USUAL,
    onlyCompromised: true,
    staysLoaded: true,
    breaks: [
      'the message bus stops until every server is restarted with the new operator',
      'every cluster has to be enrolled again',
    ],
  },
  'message-bus-system-account': USUAL,
  'mongodb-auth': {
    ...USUAL,
    worksOn: 'database users',
    guardsReturns: true,
    breaks: ['what still logs in as the old user loses the database when it is dropped, open sessions too'],
    options: ['--mongodb-admin-uri-file'],
  },
  'fqdn-key': USUAL,
  'fqdn-certificate': USUAL,
};

/** The kinds that an option is for, by name. */
export function kindsWith(option: RotateOption): readonly string[] {
  const kinds = Object.entries(POLICIES).filter(([, { options }]) => options.includes(option));
  return kinds.map(([kind]) => kind).sort();
}
