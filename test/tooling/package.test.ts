import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { manifest, project, run, scratch } from './scratch.ts';

describe('the package', () => {
  it('pins every dependency exactly', () => {
    const all = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(all.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  it('locks what the registry in use serves, not an address', () => {
    const lock = readFileSync(path.join(project, 'package-lock.json'), 'utf8');
    expect(lock).not.toContain('"resolved"');
    expect(lock).not.toContain('.tgz');
  });

  it('names its release date as a day', () => {
    expect(manifest.config.releaseDate).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  });

  it('ships the program, its templates and its papers, and nothing else', () => {
    const { stdout } = run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts']);
    const [packed] = JSON.parse(stdout) as Array<{ files: ReadonlyArray<{ path: string }> }>;
    const places = new Set(packed?.files.map((file) => file.path.replace(/\/.*/, '')));
    for (const needed of ['bin', 'dist', 'LICENSE', 'package.json']) expect(places).toContain(needed);
    for (const allowed of ['bin', 'dist', 'templates', 'CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'])
      places.delete(allowed);
    expect([...places]).toEqual([]);
  });

  it('says which checks there are when asked for another', () => {
    const { code, stderr } = run(process.execPath, ['scripts/check.mjs', 'spelling']);
    expect(code).toBe(2);
    expect(stderr).toContain('types, style, layers, mirrors, dead-code');
  });
});

describe('the closing line', () => {
  it('counts what passed, what failed inside and outside of tests, and what was skipped', () => {
    const folder = scratch({
      'vitest.config.ts': `import { ClosingLineReporter } from '${path.join(project, 'test/support/closing-line-reporter.ts')}';
        export default { test: { reporters: ['default', new ClosingLineReporter()] } };`,
      'some.test.ts': `test('passes', () => {}); test('passes too', () => {}); test('fails', () => { throw new Error('no'); });
        test.skip('is skipped', () => {}); test.todo('is to be done');`,
      'broken.test.ts': "import './nowhere.ts';",
    });
    const { code, stdout } = run('vitest', ['run', '--globals', '--root', folder]);
    expect(code).toBe(1);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('2 passed, 2 failed, 2 skipped');
  });
});
