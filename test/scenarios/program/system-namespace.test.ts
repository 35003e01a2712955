// Covers: src/installation/system-namespace.ts

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, it, test } from 'vitest';
import { newPath } from '../../support/program.ts';
import { install, SMALL, specFile } from './store.ts';
import { startWarm } from './warm.ts';

const warm = startWarm();

it.each(['default', 'kube-system', 'kube-public', 'kube-node-lease', 'openshift', 'openshift-ingress'])(
  'a new ledger is not put into %s, a namespace of the system (2)',
  async (ledgerNamespace) => {
    const folder = newPath();
    for (const flags of [[], ['--dry-run']]) {
      const config = specFile({ ...SMALL, ledgerNamespace });
      const { code, stderr } = await warm.run(['init', '--dir', folder, '--config', config, ...flags]);
      expect(code, stderr).toBe(2);
      expect(stderr.replaceAll(/\s+/g, ' ')).toMatch(
        /ledgerNamespace: must not be \S+, a namespace of the system.*of its own/,
      );
    }
    expect(existsSync(folder)).toBe(false);
  },
);

test('a name that only begins alike is taken', async () => {
  const folder = newPath();
  const config = specFile({ ...SMALL, ledgerNamespace: 'kubernetes-keys' });
  const { code, stderr } = await warm.run(['init', '--dir', folder, '--config', config, '--dry-run']);
  expect(code, stderr).toBe(0);
});

it('an installation whose ledger is there already goes on, also with its own spec', async () => {
  const folder = await install({ ...SMALL, ledgerNamespace: 'old-ledger' });
  // As a build of before made it.
  execFileSync(
    'bash',
    ['-c', 'grep -rlZ old-ledger . | xargs -0 sed -i s/old-ledger/kube-system/g && mv old-ledger kube-system'],
    {
      cwd: folder,
    },
  );
  const config = specFile({ ...SMALL, ledgerNamespace: 'kube-system' });
  for (const args of [['init', '--yes'], ['init', '--yes', '--config', config], ['status']]) {
    const { code, stderr } = await warm.run([...args, '--dir', folder]);
    expect(code, stderr).toBe(0);
    expect(stderr).not.toContain('namespace of the system');
  }
});
