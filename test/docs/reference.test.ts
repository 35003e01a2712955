// Covers: src/certificate/import/finding.ts, src/certificate/import/repair.ts, src/errors.ts
// Covers: src/reconcile/plan/findings/finding.ts

import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { architecture, reference } from '../../scripts/reference.mjs';
import { IMPORT_FINDINGS } from '../../src/certificate/import/finding.ts';
import { REPAIRS } from '../../src/certificate/import/repair.ts';
import { ERRORS } from '../../src/errors.ts';
import { FINDINGS } from '../../src/reconcile/plan/findings/finding.ts';

const text = await readFile(new URL('../../docs/reference.md', import.meta.url), 'utf8');

test('docs/reference.md is what npm run reference writes', async () => {
  expect(text).toBe(await reference());
});

test('docs/architecture.md is what npm run reference writes', async () => {
  const written = await readFile(new URL('../../docs/architecture.md', import.meta.url), 'utf8');
  expect(written).toBe(await architecture());
});

test('docs/reference.md lists every error, finding and repair', () => {
  const codes = [ERRORS, FINDINGS, IMPORT_FINDINGS, REPAIRS].flatMap((catalogue) => Object.keys(catalogue));
  expect(codes.filter((code) => !text.includes(`| \`${code}\` |`))).toEqual([]);
});
