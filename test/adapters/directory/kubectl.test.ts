import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeManifest } from '../../../src/adapters/directory/yaml/write-manifest.ts';
import { configMap, useWorkspace } from './workspace.ts';

const at = useWorkspace();
const KUBECTL = process.env['TEST_ASSET_KUBECTL'] ?? 'kubectl';

describe('kubectl, which reads YAML 1.1', () => {
  test.skipIf(!isThere())('reads every text as it was written', () => {
    const odd = 'ab \n\r\t:#-|>\'"\\{}[]&*!%@`?,0.~=\u0000\u007f\u0085\u009f\u2028\ufeff\ufffe\u{1f511}é';
    const texts = fc.oneof(
      fc.string({ unit: fc.constantFrom(...odd), maxLength: 20 }),
      fc.string({ unit: fc.constantFrom(...'01_.eExob+-:nyNYfalsetrue'), maxLength: 8 }),
      fc.base64String({ maxLength: 12 }),
    );
    const values = fc.sample(texts, { numRuns: 3_000 });
    const named = Object.fromEntries(values.map((value, n) => [n % 2 === 0 ? String(n) : `k${n}`, value]));
    const data = Object.fromEntries(
      Object.entries(named).map(([name, value]) => [name, new TextEncoder().encode(value)]),
    );
    const path = join(at.folder, 'manifest.yaml');
    writeFileSync(path, writeManifest({ ...configMap('palette-odd', ''), data, annotations: named }));
    const args = ['label', '--local', '-f', path, 'a=b', '-o', 'json', '--dry-run=client'];
    const read = JSON.parse(execFileSync(KUBECTL, args, { maxBuffer: 2 ** 26 }).toString());
    expect(read.data).toEqual(named);
    expect(read.metadata.annotations).toEqual(named);
  });
});

function isThere(): boolean {
  try {
    execFileSync(KUBECTL, ['version', '--client'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
