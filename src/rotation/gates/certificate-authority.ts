import {
  activeVersion,
  all,
  type ClustersEvidence,
  closed,
  type Decision,
  type EvidenceRequest,
  type Gate,
  type GateInput,
  OPEN,
  versionOf,
} from '../gate.ts';
import { isUsable } from '../machine.ts';
import { afterCurrent } from './consumers.ts';

/** Trust first, then the issuer, then, once nothing of the old one is in use, less trust: never two of them at once. */
export const internalCa: Gate = {
  conditions: {
    promote: 'the bundle with the new CA is in every namespace, and every consumer has it; every leaf is then reissued',
    retire: 'every consumer has its new certificate, and none that chains to the old CA is in use',
  },
  soak: () => 0,
  needs: (input) => {
    const { step } = input;
    return step.type === 'retire' ? [...consumers(input), { type: 'leaves', issuer: step.n }] : consumers(input);
  },
  decide: (input, { consumers: found, leaves }, now) => {
    const { step } = input;
    if (step.type !== 'promote' && step.type !== 'retire') return OPEN;
    const current = afterCurrent(found, now);
    // No client accepts a certificate of a CA that is not valid: a new one cuts no client off, and waiting helps none.
    if (step.type === 'promote') return isUsable(activeVersion(input), now) ? current : OPEN;
    const gone = leaves === undefined ? closed('nobody has looked at the certificates that are in use') : OPEN;
    const still = (leaves ?? []).length > 0 ? closed('certificates of the old CA are in use', leaves) : OPEN;
    return all(gone, still, current);
  },
};

/** Its leaves are with the clusters, which say themselves what they have. */
export const clusterCa = gateOfClusters(true, {
  promote: 'the endpoint admits certificates of both CAs',
  retire: 'every endpoint has it, and you vouch that no cluster needs a certificate of the old CA any more',
});

/** Every server has to know the key that accounts are signed with; none of them reads its configuration again by itself. */
export const messageBusSigningKey = gateOfClusters(false, {
  promote: 'every server of the message bus was restarted with it; accounts are then signed anew',
  retire: 'every server has the new accounts, and you vouch that every cluster has new credentials',
});

function gateOfClusters(reloads: boolean, conditions: Gate['conditions']): Gate {
  return {
    conditions,
    soak: () => 0,
    needs: (input) => {
      const { step } = input;
      const clusters = step.type === 'retire' ? [{ type: 'clusters', kid: versionOf(input, step.n).kid } as const] : [];
      return [...consumers(input, reloads), ...clusters];
    },
    decide: ({ step }, { consumers: found, clusters }, now) => {
      if (step.type !== 'promote' && step.type !== 'retire') return OPEN;
      const current = afterCurrent(found, now);
      return step.type === 'promote' ? current : withClusters(current, clusters);
    },
  };
}

function consumers(input: GateInput, reloads = true): readonly EvidenceRequest[] {
  const { step } = input;
  if (step.type !== 'promote' && step.type !== 'retire') return [];
  const isNew = step.type === 'promote';
  const entry = isNew ? versionOf(input, step.n) : activeVersion(input);
  return [{ type: 'consumers', entry, acknowledged: isNew, reloads }];
}

const CUT_OFF = 'it is unknown which clusters hold credentials of the old version: retiring it cuts them off';

/** The word about clusters is asked for last, and together with that about consumers where both take one. */
function withClusters(current: Decision, clusters: ClustersEvidence | undefined): Decision {
  if (clusters === 'vouched' || (!current.open && current.onWord !== true)) return current;
  const blockers = ['give every cluster that is enrolled new credentials first'];
  const reason = current.open ? CUT_OFF : `${CUT_OFF}; and ${current.reason}`;
  return { ...current, open: false, stuck: true, onWord: true, reason, blockers };
}
