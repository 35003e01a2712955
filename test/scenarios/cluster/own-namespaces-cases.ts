import { beforeAll, describe, expect, it } from 'vitest';
import { folderWith, newPath } from '../../support/program.ts';
import { doings, type InitResult, LEDGER, PLATFORM, specFile, specText } from '../program/store.ts';
import { startWarm } from '../program/warm.ts';
import { ageKeys, type Bed, keysOf, ledgerBytes, type Objects, TINY, verdictOn, versionsOf } from './bed.ts';

/** An installation that stands where its spec says, and not where the built-in one would. */
export function ownNamespacesCases(bedOf: () => Bed): void {
  const warm = startWarm();
  const elsewhere = { ...TINY, namespace: 'platform', ledgerNamespace: 'vault' };
  const config = specFile(elsewhere);
  const record = 'ConfigMap/vault/palette-keys-installation';
  let made: Objects;

  const run = (args: readonly string[], cwd?: string) =>
    warm.run([...args, '--kubeconfig', bedOf().kubeconfig], cwd === undefined ? {} : { cwd });

  async function well(args: readonly string[], cwd?: string): Promise<string> {
    const { code, stdout, stderr } = await run(args, cwd);
    expect(code, stderr).toBe(0);
    return stdout;
  }

  const idOf = (objects: Objects) => [...objects.values()][0]?.metadata.labels?.['palette-keys.dev/installation'];

  beforeAll(async () => {
    await bedOf().empty();
    await well(['init', '--create-namespaces', '--config', config]);
    made = await bedOf().objects();
  });

  it('is made there alone', async () => {
    expect([...new Set([...made.values()].map(({ metadata }) => metadata.namespace))].sort()).toEqual([
      'platform',
      'vault',
    ]);
    expect(await verdictOn(made)).toBe('everything fits\n');
  });

  it.each([
    ['--config', ['--config', config], undefined],
    ['./palette-keys.yaml', [], folderWith({ 'palette-keys.yaml': specText(elsewhere) })],
  ] as const)('is found again by status, init and backup with %s', async (_, flags, cwd) => {
    expect(doings(JSON.parse(await well(['init', '-o', 'json', ...flags], cwd)) as InitResult)).toEqual([]);
    const status = JSON.parse(await well(['status', '-o', 'json', ...flags], cwd)) as { installationId: string };
    expect(status.installationId).toBe(idOf(made));
    const { recipient } = await ageKeys();
    await well(['backup', '--out', newPath('keys.age'), '--recipient', recipient, ...flags], cwd);
    expect(ledgerBytes(await bedOf().objects())).toEqual(ledgerBytes(made));
  });

  it('is not taken for another one that stands where the built-in spec says', async () => {
    await well(['init', '--create-namespaces', '--config', specFile(TINY)]);
    const flags = ['--config', config];
    const status = JSON.parse(await well(['status', '-o', 'json', ...flags])) as { installationId: string };
    expect(status.installationId).toBe(idOf(made));
    const { recipient, identity } = await ageKeys();
    const out = newPath('keys.age');
    await well(['backup', '--out', out, '--recipient', recipient, ...flags]);
    await bedOf().drop('vault');
    await well(['restore', out, '--identity', identity, '--yes']);
    expect(keysOf(await bedOf().objects(), record)).toEqual(keysOf(made, record));
  });

  it('is restored from a backup into an empty cluster, lock and all, without a namespace that is not its own', async () => {
    const folder = newPath();
    const out = newPath('keys.age');
    const { recipient, identity } = await ageKeys();
    for (const args of [
      ['init', '--config', config],
      ['backup', '--out', out, '--recipient', recipient],
    ]) {
      const { code, stderr } = await warm.run([...args, '--dir', folder]);
      expect(code, stderr).toBe(0);
    }
    await bedOf().empty();
    await well(['restore', out, '--identity', identity]);
    const { items } = JSON.parse((await bedOf().api('GET', '/api/v1/namespaces')).body);
    const names = (items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);
    expect(names.filter((name) => !/^(default|kube-.*)$/.test(name)).sort()).toEqual(['platform', 'vault']);
    expect(await verdictOn(await bedOf().objects())).toBe('everything fits\n');
  });

  describe('of which only the ledger stands elsewhere', () => {
    it('init without its spec makes no second root key beside it', async () => {
      await bedOf().empty();
      const spec = specFile({ ...TINY, namespace: PLATFORM, ledgerNamespace: 'vault' });
      await well(['init', '--create-namespaces', '--config', spec]);
      const before = versionsOf(await bedOf().objects());
      const { code, stderr } = await run(['init', '--yes', '--create-namespaces']);
      expect(code, stderr).toBe(5);
      expect(versionsOf(await bedOf().objects())).toEqual(before);
      expect((await bedOf().api('GET', `/api/v1/namespaces/${LEDGER}`)).status).toBe(404);
    });
  });
}
