import { certificateRequest } from '../certificate/request.ts';
import { publicKeyKid } from '../crypto/kid.ts';
import {
  decodePrivateKey,
  encodePrivateKey,
  generatePrivateKey,
  joseAlgorithm,
  type KeyPairAlgorithm,
  spkiOf,
} from '../crypto/private-key.ts';
import { notInstalled } from '../errors.ts';
import { isIpAddress } from '../host.ts';

import { fqdnKey } from '../inventory/kinds/fqdn-key.ts';
import type { LedgerEntry, Material } from '../ledger/entry.ts';
import { activeOf } from '../ledger/ring.ts';
import { entry, textEntry, utf8 } from '../ledger/text.ts';
import { carryOut } from '../reconcile/carry-out.ts';
import { leftIn } from '../reconcile/plan/apply-change.ts';
import { type Change, inspectOnly } from '../reconcile/plan/change.ts';
import type { ApplyPorts } from '../reconcile/ports.ts';
import { readComparison } from '../reconcile/read/read-comparison.ts';
import type { SpecRequest } from '../reconcile/read/read-installation.ts';
import { changeRequest } from '../reconcile/request.ts';
import { FQDN } from './ingress-certificate.ts';

const KIND = 'fqdn-key';

/** Keys that public CAs certify, by the name that `--key-type` takes. */
export const KEY_TYPES = {
  'rsa-2048': { type: 'rsa', bits: 2048 },
  'rsa-3072': { type: 'rsa', bits: 3072 },
  'rsa-4096': { type: 'rsa', bits: 4096 },
  'p-256': { type: 'ec', curve: 'P-256' },
  'p-384': { type: 'ec', curve: 'P-384' },
} as const satisfies Record<string, KeyPairAlgorithm>;

export type KeyType = keyof typeof KEY_TYPES;

export interface Wanted {
  readonly names: readonly string[];
  readonly keyType: KeyType;
}

export interface CertificateRequest {
  /** PEM. */
  readonly request: string;
  readonly kid: string;
  readonly n: number;
  /** False where the same request was made before, and waits for its answer. */
  readonly isNew: boolean;
}

/** The request that this run would give, if it was made before and waits for its answer; writes nothing. */
export async function openRequest(wanted: Wanted, spec: SpecRequest, ports: ApplyPorts): Promise<string | undefined> {
  const { entry: open } = openIn(await look(spec, ports), subjectOf(wanted));
  return open === undefined ? undefined : textEntry(open.material.entries, 'request.csr');
}

/**
 * A request for the same names and type of key is given again until its certificate is imported, also one that an
 * interrupted run made: that is completed.
 */
export async function requestCertificate(
  wanted: Wanted,
  spec: SpecRequest,
  ports: ApplyPorts,
): Promise<CertificateRequest> {
  const before = await look(spec, ports);
  const subject = subjectOf(wanted);
  const { entry: open, isRecorded } = openIn(before, subject);
  if (open === undefined || !isRecorded) {
    const material = open?.material ?? (await newMaterial(wanted, subject));
    await write({ adds: [{ state: 'active', material }], moves: movesFrom(before) }, before, spec, ports);
  } else if (before.left.length > 0 || !before.ready) {
    const adds = before.left.map(({ material }) => ({ state: 'retired' as const, material }));
    await write({ adds, moves: new Map() }, before, spec, ports);
  }
  const { active } = await look(spec, ports);
  if (active === undefined) throw new Error('the key of the request was not written');
  const { material, facts, n } = active;
  return { request: textEntry(material.entries, 'request.csr'), kid: facts.kid, n, isNew: !isRecorded };
}

async function write(
  { adds, moves }: Pick<Change, 'adds' | 'moves'>,
  { generation, ready }: Awaited<ReturnType<typeof look>>,
  spec: SpecRequest,
  ports: ApplyPorts,
): Promise<void> {
  await carryOut({ ...inspectOnly(KIND), generation, adds, moves, whole: !ready }, spec, ports);
}

function movesFrom({ active }: Awaited<ReturnType<typeof look>>): Change['moves'] {
  return new Map(active === undefined ? [] : [[active.n, 'trusted'] as const]);
}

function subjectOf({ names, keyType }: Wanted): string {
  return JSON.stringify([keyType, [...names].sort()]);
}

async function newMaterial({ names, keyType }: Wanted, subject: string) {
  const key = await generatePrivateKey(KEY_TYPES[keyType]);
  const request = certificateRequest(key, {
    dnsNames: names.filter((name) => !isIpAddress(name)),
    ipAddresses: names.filter((name) => isIpAddress(name)),
  });
  const entries = { 'key.pem': encodePrivateKey(key), 'request.csr': utf8(request), subject: utf8(subject) };
  return { alg: joseAlgorithm(key), entries } satisfies Material;
}

/** Kid of the public key of an imported certificate. */
function keyIdOf({ entries }: Material): string {
  return publicKeyKid(spkiOf(decodePrivateKey(entry(entries, 'key.pem'))));
}

async function look(spec: SpecRequest, { store, clock }: ApplyPorts) {
  const { record, rings, ledger } = await readComparison(changeRequest(inspectOnly(KIND), spec), { store, clock });
  const hint = 'palette-keys init makes one; palette-keys status says what is wrong with one that is there';
  if (record.status !== 'sound') throw notInstalled(store, hint);
  const { generation, ready, keys } = record.record;
  const ring = rings.get(KIND);
  return {
    generation,
    ready,
    active: ring === undefined ? undefined : activeOf(ring),
    left: leftIn(fqdnKey, ledger.get(KIND) ?? [], keys[KIND]),
    answered: new Set((rings.get(FQDN) ?? []).map(({ material }) => keyIdOf(material))),
  };
}

/** The request for that subject that waits for its answer; an older one that the record knows was given up for another. */
function openIn(
  { active, left, answered }: Awaited<ReturnType<typeof look>>,
  subject: string,
): { readonly entry: LedgerEntry | undefined; readonly isRecorded: boolean } {
  const isOpen = ({ material, facts }: LedgerEntry): boolean =>
    textEntry(material.entries, 'subject') === subject && !answered.has(facts.kid);
  if (active !== undefined && isOpen(active)) return { entry: active, isRecorded: true };
  return { entry: left.findLast(isOpen), isRecorded: false };
}
