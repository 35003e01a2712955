// Covers: src/adapters/directory/yaml/namespaces-file.ts

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDirectoryStore } from '../../../../src/adapters/directory/directory-store.ts';
import { fill, HOLDER, secret, useWorkspace } from '../workspace.ts';

const at = useWorkspace();
const path = (): string => join(at.path, '00-namespaces.yaml');

async function add(...namespaces: readonly string[]): Promise<void> {
  const store = openDirectoryStore(at.path);
  const lock = await store.lock(HOLDER);
  await store.addNamespaces(namespaces).finally(() => lock.release());
}

describe('00-namespaces.yaml', () => {
  test('lists the namespaces, sorted, each as a document', async () => {
    await add('team', 'ui-system');
    await add('9p', 'ledger', 'team');
    expect(await readFile(path(), 'utf8')).toBe(
      ['"9p"', 'ledger', 'team', 'ui-system']
        .map((name) => `---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${name}\n`)
        .join(''),
    );
    expect(await openDirectoryStore(at.path).missingNamespaces(['team', 'absent', '9p'])).toEqual(['absent']);
  });

  test('keeps what people wrote into it', async () => {
    await add('team');
    const labels = '  labels:\n    pod-security.kubernetes.io/enforce: restricted # as agreed\n';
    await writeFile(path(), `${await readFile(path(), 'utf8')}${labels}---\n`);
    await add('alpha');
    expect(await readFile(path(), 'utf8')).toBe(`---
apiVersion: v1
kind: Namespace
metadata:
  name: alpha
---
apiVersion: v1
kind: Namespace
metadata:
  name: team
${labels}`);
  });

  test('is not touched where nothing is to be added', async () => {
    await add('team');
    await writeFile(path(), '{apiVersion: v1, kind: Namespace, metadata: {name: team}} # mine\n');
    await add('team');
    expect(await readFile(path(), 'utf8')).toContain('# mine');
  });

  test.each([
    ['is no YAML', '---\n: : [\n'],
    ['lists something else', 'apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: team}\n'],
    ['has a namespace without a name', 'apiVersion: v1\nkind: Namespace\nmetadata: {}\n'],
    ['has a namespace whose name leads elsewhere', 'apiVersion: v1\nkind: Namespace\nmetadata: {name: ../x}\n'],
    ['lists one twice', '---\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n'.repeat(2)],
    ['is a text', 'CANARY'],
  ])('that %s is an error with a remedy, not a list of nothing', async (_, content) => {
    await fill(openDirectoryStore(at.path), secret());
    await writeFile(path(), content);
    const store = openDirectoryStore(at.path);
    for (const use of [store.missingNamespaces(['team']), add('alpha'), store.create(secret('palette-b'))]) {
      await expect(use).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.not.stringContaining('CANARY'),
        hint: expect.stringContaining(`rm ${path()}`),
      });
    }
    expect(await readFile(path(), 'utf8')).toBe(content);
  });

  test.each(['00-a', '0-system', '00-namespaces', '00'])(
    'comes first in kubectl’s walk, so %s cannot be in it',
    async (name) => {
      await expect(add(name)).rejects.toThrow(/before the list/);
    },
  );

  test('may list what sorts after it', async () => {
    await add('00-nas', '01', 'a');
    expect(await openDirectoryStore(at.path).missingNamespaces(['00-nas', '01', 'a'])).toEqual([]);
  });
});
