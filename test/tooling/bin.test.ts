import { cpSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { transform } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { manifest, type Outcome, project, run, scratch, write } from './scratch.ts';

/** A copy of the package with a main.js of the test's own, or without one. */
function installed(main?: string): string {
  const folder = scratch();
  cpSync(path.join(project, 'bin'), path.join(folder, 'bin'), { recursive: true });
  cpSync(path.join(project, 'package.json'), path.join(folder, 'package.json'));
  if (main !== undefined) write(path.join(folder, 'dist/main.js'), main);
  return folder;
}

function start(folder: string, args: readonly string[], node?: string): Outcome {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${node}' } });
    Object.defineProperty(process, 'version', { value: 'v${node}' });`;
  write(path.join(folder, 'pretend.cjs'), node === undefined ? '' : pretend);
  return run(process.execPath, ['--require', './pretend.cjs', 'bin/palette-keys.js', ...args], { cwd: folder });
}

describe('the Node.js version', () => {
  it('is asked for as in package.json', () => {
    expect(manifest.engines.node).toBe('^22.22.2 || ^24.15.0 || >=26.0.0');
  });

  it.each(['22.22.2', '22.22.3', '22.23.0', '24.15.0', '24.21.0', '26.0.0', '27.1.0', '100.0.0'])(
    '%s will do',
    (node) => {
      expect(start(installed(), ['--version'], node)).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
    },
  );

  it.each(['0.12.18', '8.17.0', '18.20.8', '20.20.2', '21.7.3', '22.3.0', '22.22.1', '23.11.1', '24.14.9', '25.9.0'])(
    '%s is refused in a sentence, before anything is imported',
    (node) => {
      const { code, stdout, stderr } = start(installed('throw new Error("imported")'), ['init'], node);
      const [error, hint] = stderr.split('\n');
      expect(code).toBe(1);
      expect(stdout).toBe('');
      expect(error).toBe(
        `palette-keys: error: needs Node.js 22.22.2 or newer 22.x, 24.15 or newer 24.x, or 26+; this is v${node}`,
      );
      expect(hint).toMatch(/^palette-keys: hint: /);
    },
  );

  it('is told by code that parses on any Node.js', async () => {
    const code = readFileSync(path.join(project, 'bin/palette-keys.js'), 'utf8');
    const print = (target: string) => transform(code, { target, format: 'cjs', supported: { 'dynamic-import': true } });
    // esbuild rewrites what is newer than the target: nothing rewritten, nothing newer.
    expect((await print('es2015')).code).toBe((await print('esnext')).code);
    expect(code).not.toMatch(/^\s*(import|export)\s+[^(]/m);
    expect(code).not.toContain('import.meta');
  });
});

describe('the program', () => {
  it('ends with the code that run returns, given the arguments', () => {
    const main = 'export async function run(argv) { process.stdout.write(JSON.stringify(argv)); return 6; }';
    expect(start(installed(main), ['rotate', '--due'])).toEqual({ code: 6, stdout: '["rotate","--due"]', stderr: '' });
  });

  it('says that it has to be built first', () => {
    const { code, stderr } = start(installed(), ['status']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^palette-keys: error: .*`npm run build`\n$/);
  });

  it('says that a file of it is broken', () => {
    const { code, stderr } = start(installed("import './chunks/gone.js'"), ['status']);
    expect(code).toBe(70);
    expect(stderr).toMatch(/^palette-keys: error: cannot load the program: .*gone\.js.*\npalette-keys: hint: /);
  });

  it('does not quote an error that nobody caught: it could hold a key', () => {
    const { code, stderr } = start(installed('export async function run() { throw new RangeError("canary"); }'), []);
    expect(code).toBe(70);
    expect(stderr).toContain('internal error (RangeError)');
    expect(stderr).not.toContain('canary');
  });
});
