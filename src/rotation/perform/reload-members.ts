import { normalizePem, readBundle } from '../../certificate/read.ts';
import { PaletteKeysError } from '../../errors.ts';
import { entry } from '../../ledger/text.ts';
import type { DatabaseAdmin } from '../../ports/database-users.ts';
import { formatRef, type ObjectRef } from '../../ports/object-ref.ts';
import { ringsOfLedger } from '../../reconcile/plan/compare/compare.ts';
import { authoritiesOf } from '../../tenants/keyring.ts';
import type { RotationContext } from '../context.ts';
import type { Tell } from '../history.ts';
import type { RotatePorts } from './ports.ts';

export interface Reloaded {
  /** They serve the one of the Secret. */
  readonly serving: readonly string[];
  /** Their files do not have it yet. */
  readonly behind: readonly string[];
  /** They have to be restarted: why. */
  readonly deaf: readonly string[];
}

const PROBE_TIMEOUT_MS = 5000;

/**
 * Has members load the certificate that they do not serve, once somebody has agreed; what they serve then counts,
 * nothing else. Undefined without an administrator's credential. One told before is told again, silently.
 */
export async function reloadMembers(
  { kind, comparison, request }: RotationContext,
  { ports, tell }: { readonly ports: RotatePorts; readonly tell: Tell },
): Promise<Reloaded | undefined> {
  const [ref] = comparison.projections.flatMap(({ projection }) => (projection.kind === kind ? [projection.ref] : []));
  if (kind !== 'mongodb-tls' || ref === undefined) return undefined;
  const { ledger, record, snapshot } = comparison;
  const server = await ports.databaseUsers(snapshot.spec, authoritiesOf(ringsOfLedger(ledger, record)));
  if (server?.admin === undefined) return undefined;
  const leaf = await leafIn(ref, ports);
  const result = { serving: [] as string[], behind: [] as string[], deaf: [] as string[] };
  let isAgreed = false;
  for (const member of await server.admin.members()) {
    ports.signal.throwIfAborted();
    if (await serves(member, leaf, ports)) {
      result.serving.push(member);
      continue;
    }
    const effect = `told ${member} to load its certificate`;
    const isTold = request.before?.effects.includes(effect) === true;
    if (!isTold && !isAgreed) {
      const action = 'have the members of the replica set load their certificate';
      await ports.agree({ kind, action, plan: undefined, irrevocable: undefined });
      isAgreed = true;
    }
    const state = await reload(member, leaf, server.admin, ports);
    if (!isTold && state !== 'deaf') tell({ type: 'did', effect });
    result[state].push(member);
  }
  return result;
}

async function reload(member: string, leaf: string, admin: DatabaseAdmin, ports: RotatePorts): Promise<keyof Reloaded> {
  try {
    if (!(await admin.rotateCertificates(member))) return 'deaf';
  } catch (error) {
    // Its old certificate has expired, perhaps: nobody can tell it any more.
    if (error instanceof PaletteKeysError && error.code === 'DATABASE_UNTRUSTED') return 'deaf';
    throw error;
  }
  return (await serves(member, leaf, ports)) ? 'serving' : 'behind';
}

/** As it stands there now: this run may have issued it. */
async function leafIn(ref: ObjectRef, { store }: RotatePorts): Promise<string> {
  const found = await store.get(ref);
  const [leaf] = found === undefined || found.damage !== undefined ? [] : readBundle(entry(found.data, 'tls.crt'));
  if (leaf !== undefined) return leaf.x509.toString();
  throw new PaletteKeysError('CONFLICT', `${formatRef(ref)} was taken away meanwhile`, {
    hint: 'palette-keys init restores it',
  });
}

async function serves(member: string, leaf: string, { probe }: RotatePorts): Promise<boolean> {
  const at = member.lastIndexOf(':');
  const host = member.slice(0, at).replace(/^\[|\]$/g, '');
  const port = Number(member.slice(at + 1));
  const answer = await probe.probe({ host, port, servername: host, timeoutMs: PROBE_TIMEOUT_MS });
  const [der] = 'chain' in answer ? answer.chain : [];
  return der !== undefined && normalizePem(der) === leaf;
}
