import { ROOT_KEY } from '../../../ledger/kind-id.ts';
import type { VersionRecord } from '../../../ledger/record.ts';
import type { Comparison } from '../compare/compare.ts';
import type { TenantsCounted } from '../snapshot.ts';
import type { ObjectStep } from '../step.ts';
import { type Finding, finding } from './finding.ts';

/** Blocks the root key where tenant keys are wrapped by an unknown one: a new or an older one opens none of them. */
export function blockUnknownRootKey(steps: readonly ObjectStep[], comparison: Comparison): readonly ObjectStep[] {
  const trap = steps.findLast(({ key, n, action }) => key === ROOT_KEY && n !== undefined && action !== 'blocked');
  const strange = strangeKids(comparison);
  if (trap === undefined || strange === undefined) return steps;
  const { ref, n } = trap;
  return steps.map((step) =>
    step === trap
      ? {
          ref,
          key: ROOT_KEY,
          ...(n === undefined ? {} : { n }),
          action: 'blocked',
          kid: trap.kid ?? '',
          code: 'TENANT_KID_UNKNOWN',
          ...strange,
        }
      : step,
  );
}

export function strangerFindings(comparison: Comparison): readonly Finding[] {
  const strange = strangeKids(comparison);
  return strange === undefined ? [] : [finding('TENANT_KID_UNKNOWN', ROOT_KEY, strange.reason, strange.remedy)];
}

function strangeKids(comparison: Comparison): { readonly reason: string; readonly remedy: string } | undefined {
  const { seen } = comparison;
  const known = knownKids(comparison);
  const reason = seen?.status === 'counted' ? whyStrange(seen, known) : undefined;
  if (reason === undefined) return undefined;
  const backup = known.size === 0 ? 'restore the backup that holds that root key' : RESTORE_THAT;
  return { reason, remedy: `${backup}; an installation of its own needs a collection of its own` };
}

/** What helps where a record is there, but an older one: a restoration adds no version to a record. */
export const RESTORE_THAT = 'restore the backup that holds that root key, into an empty store';

/** Says which tenant keys are wrapped by a root key that is none of the known ones; undefined where none is. */
export function whyStrange(seen: TenantsCounted, known: ReadonlySet<string>): string | undefined {
  // What names no root key at all is a tenant's all the same where there is none yet.
  const strange = [...seen.byKid].filter(([kid]) => (kid === undefined ? known.size === 0 : !known.has(kid)));
  if (strange.length === 0) return undefined;
  const count = strange.reduce((sum, [, each]) => sum + each, 0);
  const kids = strange.flatMap(([kid]) => kid ?? []).sort();
  const names = kids.length > NAMED ? `${kids.slice(0, NAMED).join(', ')} and others` : kids.join(', ');
  const by = names === '' ? '' : `, wrapped by ${names}`;
  return known.size === 0
    ? `${seen.location} holds ${count} tenant keys already${by}: a new root key would open none of them`
    : `${seen.location} holds ${count} tenant keys${by}, which the record does not know`;
}

const NAMED = 5;

/** Every root key that record or ledger knows, in whatever state, or that the run takes in. */
function knownKids({ record, versions }: Comparison): ReadonlySet<string> {
  const recorded = record.status === 'sound' ? (record.record.keys[ROOT_KEY]?.versions ?? []) : [];
  const items = (versions.get(ROOT_KEY) ?? []).flatMap((item) => {
    if (item.action === 'create') return [];
    return item.action === 'blocked' ? (item.kid ?? []) : item.version.facts.kid;
  });
  return new Set([...recorded.map(({ kid }) => kid), ...items]);
}

function bringBack({ backups }: VersionRecord): string {
  const file = backups.at(-1)?.file;
  return file === undefined
    ? 'no backup of it is recorded; where one is found, palette-keys restore FILE brings it back'
    : `palette-keys restore ${file} brings it back`;
}

/** What else is to be said of the tenant keys: no run of `init` changes it. */
export function seenFindings({ seen, record, ledger }: Comparison): readonly Finding[] {
  if (seen === undefined) return [];
  if (seen.status === 'unknown') {
    const message = `nobody looked whether tenant keys fit the root key: ${seen.reason}`;
    return [
      finding('TENANT_KEYS_UNSEEN', ROOT_KEY, message, 'palette-keys tenant verify, where the database is in reach'),
    ];
  }
  const recorded = record.status === 'sound' ? (record.record.keys[ROOT_KEY]?.versions ?? []) : [];
  const gone = recorded.flatMap((version) => {
    const { n, kid, state } = version;
    const count = state === 'retired' || state === 'destroyed' ? (seen.byKid.get(kid) ?? 0) : 0;
    if (count === 0) return [];
    const message = `${count} tenant keys in ${seen.location} are wrapped by ${kid}, which is ${state}`;
    const reinstate = `palette-keys rotate root-key --reinstate ${kid}`;
    if (state === 'retired') return [finding('TENANT_KID_RETIRED', ROOT_KEY, message, reinstate)];
    const isBack = ledger.get(ROOT_KEY)?.some((item) => item.n === n) === true;
    const remedy = isBack ? reinstate : `${bringBack(version)}; then ${reinstate}`;
    return [finding('TENANT_KID_DESTROYED', ROOT_KEY, message, remedy)];
  });
  const malformed = recorded.length === 0 ? 0 : (seen.byKid.get(undefined) ?? 0);
  if (malformed === 0) return gone;
  const message = `${malformed} documents in ${seen.location} name no root key`;
  return [...gone, finding('TENANT_MALFORMED', ROOT_KEY, message, 'palette-keys tenant verify names them')];
}
