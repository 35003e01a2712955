import {
  activeVersion,
  all,
  closed,
  type Decision,
  type Gate,
  OPEN,
  type TenantsEvidence,
  versionOf,
} from '../situation.ts';
import { afterCurrent, keyringReaders } from './consumers.ts';

/** Wraps the tenant keys: it goes when every one of them is wrapped by another, and not a moment earlier. */
export const rootKey: Gate = {
  conditions: {
    promote: 'every consumer reads the keyring and has it',
    retire: 'every wrapper uses the new key, and no tenant key is wrapped by the old one',
  },
  soak: () => 0,
  needs: (situation) => {
    const { step } = situation;
    if (step.type === 'publish') return [{ type: 'readers' }];
    if (step.type === 'promote') {
      const entry = versionOf(situation, step.n);
      return [{ type: 'readers' }, { type: 'consumers', entry, acknowledged: true, reloads: true }];
    }
    if (step.type !== 'retire') return [];
    return [
      { type: 'consumers', entry: activeVersion(situation), acknowledged: false, reloads: true },
      { type: 'tenants', kid: versionOf(situation, step.n).kid },
    ];
  },
  decide: ({ step }, evidence, now) => {
    if (step.type === 'publish') return keyringReaders(evidence, 'root key');
    const current = afterCurrent(evidence.consumers, now);
    if (step.type === 'promote') return all(keyringReaders(evidence, 'root key'), current);
    return step.type === 'retire' ? all(current, unwrapped(evidence.tenants)) : OPEN;
  },
};

function unwrapped(tenants: TenantsEvidence | undefined): Decision {
  if (tenants?.status === 'clear') return OPEN;
  if (tenants?.status === 'needed') return closed('tenant keys are still wrapped by it', tenants.blockers);
  const why = tenants?.reason ?? 'nobody has looked';
  return closed(`nobody knows whether tenant keys are still wrapped by it (${why})`, ['--no-tenant-store']);
}
