import { type Account, defaultNatsLimits, encodeAccount, encodeOperator, type Operator } from '@nats-io/jwt';
import { publicKeyKid } from '../../crypto/kid.ts';
import { type NkeyRole, nkeySigner, nkeySpki, publicNkey } from '../../crypto/nkey.ts';
import { decodePrivateKey } from '../../crypto/private-key.ts';
import { DamagedError } from '../../errors.ts';
import { platformSecret } from '../../installation/names.ts';
import type { InstallationSpec } from '../../installation/spec.ts';
import type { KindId } from '../../ledger/entry.ts';
import { acceptedOf, activeOf, type Rings, type RingVersion, ringOf } from '../../ledger/ring.ts';
import { entry, isObject, textEntry, utf8 } from '../../ledger/text.ts';
import type { Entries } from '../../ports/key-store.ts';
import type { ComputedProjection, HeldKey } from '../kind.ts';
import { signAgain, verifiedClaims } from './message-bus-jwt.ts';

const OPERATOR = 'message-bus-operator';
const SIGNING_KEY = 'message-bus-signing-key';
const SYSTEM_ACCOUNT = 'message-bus-system-account';

/** What the account limits leave out counts as 0, which admits nobody; -1 is no limit. */
const NO_LIMITS = {
  ...defaultNatsLimits(),
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
} satisfies Account['limits'];

/** False for a platform without one: nothing of its keys is made then. */
export function hasMessageBus({ messageBus }: InstallationSpec): boolean {
  return messageBus !== null;
}

/** `operator.jwt` and `nats.conf`: what a nats-server needs to know whom to believe. No private key is in it. */
export function messageBusAuth(spec: InstallationSpec): ComputedProjection {
  return {
    source: 'computed',
    kind: OPERATOR,
    ref: platformSecret(spec, 'message-bus-auth'),
    type: 'Opaque',
    from: [OPERATOR, SIGNING_KEY, SYSTEM_ACCOUNT],
    compute,
    inspect,
  };
}

async function compute(rings: Rings): Promise<Entries> {
  const operator = activeOf(ringOf(rings, OPERATOR));
  const account = activeOf(ringOf(rings, SYSTEM_ACCOUNT));
  const signingKeys = ringOf(rings, SIGNING_KEY);
  const accountKey = publicKey('account', account);
  const operatorJwt = await operatorToken(operator, {
    signing_keys: acceptedOf(signingKeys).map((version) => publicKey('operator', version)),
    system_account: accountKey,
  });
  const accountJwt = await accountToken(account, activeOf(signingKeys));
  const conf = [
    '# Written by palette-keys. Include it from a file that sets listen and tls.',
    `operator: ${operatorJwt}`,
    `system_account: ${accountKey}`,
    'resolver: MEMORY',
    'resolver_preload: {',
    `  ${accountKey}: ${accountJwt}`,
    '}',
    '',
  ].join('\n');
  return { 'operator.jwt': utf8(operatorJwt), 'nats.conf': utf8(conf) };
}

async function operatorToken(operator: RingVersion, claims: Partial<Operator>): Promise<string> {
  const signer = nkeySigner('operator', privateKey(operator));
  return signAgain(await encodeOperator('palette', signer, claims), new Date(operator.createdAt), signer);
}

async function accountToken(account: RingVersion, signingKey: RingVersion): Promise<string> {
  const signer = nkeySigner('operator', privateKey(signingKey));
  const token = await encodeAccount('SYS', publicKey('account', account), { limits: NO_LIMITS }, { signer });
  return signAgain(token, new Date(account.createdAt), signer);
}

function privateKey(version: RingVersion) {
  return decodePrivateKey(entry(version.material.entries, 'key.pem'));
}

function publicKey(role: NkeyRole, version: RingVersion): string {
  return publicNkey(role, privateKey(version));
}

function inspect(entries: Entries): readonly HeldKey[] {
  const operatorJwt = textEntry(entries, 'operator.jwt');
  const conf = textEntry(entries, 'nats.conf');
  const operator = verifiedClaims<Operator>(operatorJwt);
  const [inConf, accountJwt, ...others] = conf.match(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g) ?? [];
  if (inConf !== operatorJwt || accountJwt === undefined) throw new DamagedError('nats.conf contradicts operator.jwt');
  const account = verifiedClaims<Account>(accountJwt);
  for (const other of others) verifiedClaims(other);
  const signingKeys = listOf(operator.nats.signing_keys).map((key) => (isObject(key) ? key['key'] : key));
  return [
    held(OPERATOR, 'operator', operator.sub),
    ...signingKeys.map((key) => held(SIGNING_KEY, 'operator', key)),
    held(SIGNING_KEY, 'operator', account.iss),
    held(SYSTEM_ACCOUNT, 'account', account.sub),
  ];
}

/** A token may be signed by somebody who puts anything into it. */
function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw new DamagedError('the signing keys in a JWT are not a list');
}

function held(kind: KindId, role: NkeyRole, nkey: unknown): HeldKey {
  if (typeof nkey !== 'string') throw new DamagedError('a JWT names something that is not an nkey');
  try {
    return { kind, kid: publicKeyKid(nkeySpki(role, nkey)), state: undefined, material: undefined };
  } catch {
    throw new DamagedError('a JWT names something that is not an nkey');
  }
}
