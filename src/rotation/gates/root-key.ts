import { parseDuration } from '../../installation/duration.ts';
import { secondScanFrom } from '../facts/scans.ts';
import {
  activeVersion,
  all,
  closed,
  type Decision,
  forgottenBy,
  type Gate,
  type GateInput,
  OPEN,
  refused,
  type TenantsEvidence,
  versionOf,
} from '../gate.ts';
import { afterCurrent, keyringReaders } from './consumers.ts';

/** Wraps the tenant keys: it goes when every one of them is wrapped by another, and not a moment earlier. */
export const rootKey: Gate = {
  conditions: {
    promote: 'every consumer reads the keyring and has it, and every tenant key opens; all are then wrapped by it',
    retire:
      'every wrapper uses the new key, and two scans, a sync period apart, find no tenant key that needs the old one',
  },
  soak: (type, { rotation }) => (type === 'retire' ? parseDuration(rotation.syncPeriod) : 0),
  needs: (input) => {
    const { step } = input;
    const forgotten = forgottenBy(input);
    if (forgotten !== undefined) return [{ type: 'tenants', kid: forgotten.kid, counts: true }];
    if (step.type === 'publish') return [{ type: 'readers' }, { type: 'tenants' }];
    if (step.type === 'promote') {
      const entry = versionOf(input, step.n);
      return [
        { type: 'readers' },
        { type: 'consumers', entry, acknowledged: true, reloads: true },
        { type: 'tenants' },
      ];
    }
    if (step.type !== 'retire') return [];
    return [
      { type: 'consumers', entry: activeVersion(input), acknowledged: false, reloads: true },
      { type: 'tenants', kid: versionOf(input, step.n).kid },
    ];
  },
  decide: (input, evidence, now) => {
    const { step, spec } = input;
    const { tenants } = evidence;
    const forgotten = forgottenBy(input);
    if (forgotten !== undefined) {
      const unused = unwrapped(tenants, spec);
      return step.type === 'destroy' ? destroyable(unused, forgotten.kid) : unused;
    }
    if (step.type === 'publish') return all(keyringReaders(evidence, 'root key'), opened(tenants));
    const current = afterCurrent(evidence.consumers, now);
    if (step.type === 'promote') return all(keyringReaders(evidence, 'root key'), current, opened(tenants));
    return step.type === 'retire' ? all(current, unwrapped(tenants, spec)) : OPEN;
  },
};

const EMPTY = [
  'look at mongodb.database and mongodb.collection in the spec, and at the server that was asked',
  'if there are no tenants: --no-tenant-store',
];

const REMEDY = 'palette-keys tenant verify names all of them, and says what helps';

/** Nothing begins while a tenant key does not open. Where no database is named, the old root key stays trusted anyway. */
function opened(tenants: TenantsEvidence | undefined): Decision {
  if (tenants === undefined) return closed('nobody has looked whether every tenant key opens');
  return tenants.status === 'broken' ? refused('tenant keys do not open', REMEDY, tenants.blockers) : OPEN;
}

/** Nothing is under way that could be waited for. */
function destroyable(unused: Decision, kid: string): Decision {
  if (unused.open || unused.remedy !== undefined) return unused;
  const reinstate = `palette-keys rotate root-key --reinstate ${kid} accepts it again, and wraps them by the active one`;
  return refused(unused.reason, `where tenant keys need it: ${reinstate}`, unused.blockers);
}

function unwrapped(tenants: TenantsEvidence | undefined, spec: GateInput['spec']): Decision {
  switch (tenants?.status) {
    case 'clear':
      return OPEN;
    case 'broken':
      return refused('tenant keys do not open', REMEDY, tenants.blockers);
    case 'needed':
      return closed('tenant keys are still wrapped by it', tenants.blockers);
    case 'unneeded': {
      const until = secondScanFrom(tenants.first, spec);
      if (tenants.last >= until) return OPEN;
      return { open: false, reason: 'no tenant key needs it; a second scan has to find the same', until, blockers: [] };
    }
    case 'empty':
      return {
        ...{ open: false, stuck: true, blockers: EMPTY },
        reason: `${tenants.location} holds no tenant key at all: perhaps it is not the collection`,
      };
    default: {
      const why = tenants?.reason ?? 'nobody has looked';
      const ways = ['mongodb.uri in the spec, or --mongodb-uri-file FILE: the database is asked', '--no-tenant-store'];
      const reason = `nobody knows whether tenant keys are still wrapped by it (${why})`;
      return { open: false, reason, blockers: ways, stuck: true };
    }
  }
}
