import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { reference } from '../../scripts/reference.mjs';

test('docs/reference.md lists every error and every finding (npm run reference writes it)', async () => {
  const text = await readFile(new URL('../../docs/reference.md', import.meta.url), 'utf8');
  expect(text).toBe(await reference());
});
