import { certificateRequest } from '../../certificate/request.ts';
import { publicKeyKid } from '../../crypto/kid.ts';
import {
  decodePrivateKey,
  encodePrivateKey,
  generatePrivateKey,
  joseAlgorithm,
  type KeyPairAlgorithm,
  spkiOf,
} from '../../crypto/private-key.ts';
import { PaletteKeysError } from '../../errors.ts';
import { isIpAddress } from '../../host.ts';
import type { Material } from '../../ledger/entry.ts';
import { activeOf } from '../../ledger/ring.ts';
import { entry, textEntry, utf8 } from '../../ledger/text.ts';
import { assess } from '../../plan/assess.ts';
import { type Change, lookAt } from '../../plan/change.ts';
import { gather, type SpecRequest } from '../gather.ts';
import { applyInit, previewInit } from '../init.ts';
import type { ApplyPorts } from '../ports.ts';
import { FQDN } from './front-door.ts';

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

export interface CertificateRequest {
  /** PEM. */
  readonly request: string;
  readonly kid: string;
  readonly n: number;
  /** False where the same request was made before, and waits for its answer. */
  readonly isNew: boolean;
}

/**
 * Makes a key in the ledger and a request for a certificate of it. A request that was made before for the same names and
 * the same type of key is given again, until a certificate for its key is imported.
 */
export async function requestCertificate(
  wanted: { readonly names: readonly string[]; readonly keyType: KeyType },
  spec: SpecRequest,
  ports: ApplyPorts,
): Promise<CertificateRequest> {
  const before = await look(spec, ports);
  const subject = JSON.stringify([wanted.keyType, [...wanted.names].sort()]);
  const open = before.newest;
  if (open !== undefined && textEntry(open.material.entries, 'subject') === subject && !open.answered) {
    return { request: textEntry(open.material.entries, 'request.csr'), kid: open.kid, n: open.n, isNew: false };
  }
  const moves = new Map(before.active === undefined ? [] : [[before.active, 'trusted'] as const]);
  const material = await newMaterial(wanted, subject);
  const change: Change = {
    ...lookAt(KIND),
    generation: before.generation,
    adds: [{ state: 'active', material }],
    moves,
    whole: !before.ready,
  };
  const input = { spec, request: { adopt: false, restore: false, change }, createNamespaces: false };
  await applyInit(await previewInit(input, ports), input, ports);
  const after = await look(spec, ports);
  if (after.newest === undefined) throw new Error('the key of the request was not written');
  const { entries } = after.newest.material;
  return { request: textEntry(entries, 'request.csr'), kid: after.newest.kid, n: after.newest.n, isNew: true };
}

async function newMaterial({ names, keyType }: { names: readonly string[]; keyType: KeyType }, subject: string) {
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
  const request = { adopt: false, restore: false, change: lookAt(KIND) };
  const { record, rings } = await assess(await gather(store, spec, request), request, clock.now());
  if (record.status !== 'sound') {
    throw new PaletteKeysError('NOT_INSTALLED', `${store.location} holds no installation`, {
      hint: 'palette-keys init makes one; palette-keys status says what is wrong with one that is there',
    });
  }
  const { generation, ready } = record.record;
  const ring = rings.get(KIND);
  const answered = new Set((rings.get(FQDN) ?? []).map(({ material }) => keyIdOf(material)));
  const newest = ring === undefined ? undefined : activeOf(ring);
  return {
    generation,
    ready,
    active: newest?.n,
    newest: newest && {
      n: newest.n,
      kid: newest.facts.kid,
      material: newest.material,
      answered: answered.has(newest.facts.kid),
    },
  };
}
