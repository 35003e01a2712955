import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Outcome, project, run, scratch, write } from './scratch.ts';

/** A copy of src/ and its rules, with files added to it. */
function copy(planted: Readonly<Record<string, string>>): string {
  const folder = scratch();
  for (const name of ['src', '.dependency-cruiser.cjs', 'package.json']) {
    cpSync(path.join(project, name), path.join(folder, name), { recursive: true });
  }
  symlinkSync(path.join(project, 'node_modules'), path.join(folder, 'node_modules'));
  if (!existsSync(path.join(folder, 'src/main.ts'))) write(path.join(folder, 'src/main.ts'), '');
  for (const [name, text] of Object.entries(planted)) write(path.join(folder, name), text);
  return folder;
}

const check = (folder: string, ...flags: string[]): Outcome =>
  run(process.execPath, [...flags, path.join(project, 'scripts/layering.mjs'), folder]);

/** The file that a case is planted in, so that it has a name of its own in the report. */
const place = (layer: string, index: number): string => `src/${layer}/planted-${index}.ts`;

/** Every layer and one of the things that it must not import, by the name of the rule that says so. */
const FORBIDDEN: ReadonlyArray<readonly [rule: string, layer: string, code: string]> = [
  ['layer-ports', 'ports', "import '../installation/schema.ts';"],
  ['layer-crypto', 'crypto', "import '../certificate/read.ts';"],
  ['layer-crypto', 'crypto', "import type { Clock } from '../ports/clock.ts'; export type C = Clock;"],
  ['layer-certificate', 'certificate', "import '../ports/clock.ts';"],
  ['layer-installation', 'installation', "import '../crypto/digest.ts';"],
  ['layer-ledger', 'ledger', "import '../inventory/index.ts';"],
  ['layer-inventory', 'inventory', "import '../reconcile/plan/step.ts';"],
  ['layer-audit', 'audit', "import '../ledger/record.ts';"],
  ['layer-reconcile/plan', 'reconcile/plan', "export const late = () => import('../planted.ts');"],
  ['layer-reconcile/plan', 'reconcile/plan/findings', "import '../../../rotation/machine.ts';"],
  ['layer-reconcile', 'reconcile/write', "import '../../adapters/planted.ts';"],
  ['layer-reconcile', 'reconcile', "import '../rotation/machine.ts';"],
  ['layer-rotation', 'rotation', "import '../reconcile/reconcile.ts';"],
  ['layer-rotation', 'rotation/gates', "import '../evidence/evidence.ts';"],
  ['layer-rotation/evidence', 'rotation/evidence', "import '../perform/restart.ts';"],
  ['layer-rotation/rehearsal', 'rotation/rehearsal', "import '../../cli/planted.ts';"],
  ['layer-rotation/perform', 'rotation/perform', "import '../../cli/planted.ts';"],
  ['layer-tenants', 'tenants', "import '../rotation/machine.ts';"],
  ['layer-tenants/plan', 'tenants/plan', "import '../tenants.ts';"],
  ['layer-backup', 'backup', "import '../adapters/planted.ts';"],
  ['layer-backup/plan', 'backup/plan', "import '../backup.ts';"],
  ['layer-front-door', 'front-door', "import '../cli/planted.ts';"],
  ['layer-status', 'status', "import '../backup/backup.ts';"],
  ['layer-status/plan', 'status/plan', "import '../read-status.ts';"],
  ['layer-adapters', 'adapters', "import '../reconcile/plan/step.ts';"],
  ['layer-cli', 'cli', "import '../adapters/planted.ts';"],
  ['layer-cli', 'cli', "import '../crypto/digest.ts';"],
  ['known-layer', 'elsewhere', "import '../errors.ts';"],
  ['main-is-the-root', 'cli', "import '../main.ts';"],
  ['decisions-call-no-port', 'reconcile/plan', "import '../../ports/key-store.ts';"],
  ['decisions-call-no-port', 'rotation', "import '../ports/key-store.ts';"],
  ['decisions-call-no-port', 'tenants/plan', "import '../../ports/key-store.ts';"],
  ['cli-does-not-plan', 'cli', "export { INVENTORY } from '../inventory/index.ts';"],
  ['node-crypto', 'reconcile/plan', "import type { KeyObject } from 'node:crypto'; export type K = KeyObject;"],
  ['node-crypto', 'cli', "import 'crypto';"],
  ['node-crypto', 'inventory', "import 'node:tls';"],
  ['outside-world', 'cli', "import 'node:fs/promises';"],
  ['outside-world', 'reconcile/write', "import 'fs';"],
  ['outside-world', 'crypto', "export const late = () => import('node:child_process');"],
  ['process', 'reconcile/plan', "import 'node:process';"],
  ['chalk', 'cli', "import 'chalk';"],
  ['commander', 'reconcile/plan', "import 'commander';"],
  ['inquirer', 'cli/rotate', "import '@inquirer/prompts';"],
  ['mongodb', 'tenants', "import 'mongodb';"],
  ['yaml', 'ledger', "import 'yaml';"],
  ['yaml', 'adapters/system', "import 'yaml';"],
  ['no-circular', 'audit', "import '../audit/planted-cycle.ts';"],
  ['resolvable', 'audit', "import './nowhere.ts';"],
  ['shipped', 'crypto', "import 'vitest';"],
];

const ALLOWED: ReadonlyArray<readonly [layer: string, code: string]> = [
  ['crypto', "import 'node:crypto'; import '../errors.ts';"],
  ['reconcile/plan', "import type { KeyStore } from '../../ports/key-store.ts'; export type S = KeyStore;"],
  ['reconcile/plan', "import { formatRef } from '../../ports/object-ref.ts'; formatRef;"],
  ['reconcile/plan', "import '../../inventory/index.ts';"],
  ['reconcile/write', "import '../plan/step.ts'; import '../../progress.ts';"],
  [
    'rotation/perform',
    "import '../machine.ts'; import '../evidence/evidence.ts'; import '../../reconcile/reconcile.ts';",
  ],
  ['adapters/directory', "import 'yaml'; import 'node:fs'; import '../../ports/key-store.ts';"],
  ['cli', "import 'commander'; import type { Kind } from '../inventory/index.ts'; export type K = Kind;"],
  ['cli/render', "import 'chalk'; import 'yaml';"],
];

const LAYERS = readdirSync(path.join(project, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());

describe('the layering', () => {
  it('is that of the layers there are', () => {
    const tried = new Set(FORBIDDEN.map(([rule]) => rule));
    const { forbidden } = createRequire(import.meta.url)(path.join(project, '.dependency-cruiser.cjs'));
    const rules = forbidden
      .map(({ name }: { name: string }) => name)
      .filter((name: string) => name.startsWith('layer-'));
    for (const rule of rules) expect(tried).toContain(rule);
    for (const { name } of LAYERS) expect(rules).toContain(`layer-${name}`);
  });

  it('fails where a rule is broken, and nowhere else', () => {
    const stubs = Object.fromEntries(
      ['adapters', 'cli', 'reconcile'].map((layer) => [`src/${layer}/planted.ts`, 'export {};']),
    );
    const circle = FORBIDDEN.findIndex(([rule]) => rule === 'no-circular');
    const { code, stdout } = check(
      copy({
        ...stubs,
        'src/audit/planted-cycle.ts': `import './planted-${circle}.ts';`,
        'src/errors.ts': `${readFileSync(path.join(project, 'src/errors.ts'), 'utf8')}\nimport './progress.ts';`,
        ...Object.fromEntries(FORBIDDEN.map(([, layer, text], index) => [place(layer, index), text])),
        ...Object.fromEntries(ALLOWED.map(([layer, text], index) => [place(layer, 100 + index), text])),
      }),
    );
    expect(code).toBe(1);
    expect(stdout).not.toContain('dependency-cruiser is blind');
    for (const [index, [rule, layer]] of FORBIDDEN.entries()) {
      expect.soft(stdout).toContain(`error ${rule}: ${place(layer, index)}`);
    }
    expect.soft(stdout).toContain('error leaf: src/errors.ts → src/progress.ts');
    expect.soft(stdout).not.toMatch(/src\/\S+planted-1\d\d\.ts/);
  });

  it('is read from every file there is', () => {
    const folder = copy({});
    const count = readdirSync(path.join(folder, 'src'), { recursive: true }).filter((name) =>
      String(name).endsWith('.ts'),
    );
    expect(check(folder).stdout).toContain(`\n${count.length} files in src/`);
  });

  it('fails when the parser is not installed, without which no TypeScript is read', () => {
    const folder = copy({});
    const hooks = `import { registerHooks } from 'node:module';
      registerHooks({ resolve: (name, context, next) => next(name.startsWith('@swc/core') ? 'gone' : name, context) });`;
    write(path.join(folder, 'hooks.mjs'), hooks);
    const { code, stdout } = check(folder, '--import', path.join(folder, 'hooks.mjs'));
    expect(code).toBe(1);
    expect(stdout).toContain('no dependency violations found');
    expect(stdout).toContain('src/errors.ts was not read');
  });

  it('fails when there is an import of a form that the parser overlooks', () => {
    const { code, stdout } = check(
      copy({ 'src/reconcile/plan/planted.ts': "export type Late = Array<import('node:fs').Stats>;" }),
    );
    expect(code).toBe(1);
    expect(stdout).toContain("src/reconcile/plan/planted.ts: the import of 'node:fs' was not seen");
  });
});

describe('the ambient rule', () => {
  const lint = (file: string, text: string): Outcome => {
    const folder = scratch({ [file]: text });
    cpSync(path.join(project, 'biome.json'), path.join(folder, 'biome.json'));
    cpSync(path.join(project, 'scripts/lint'), path.join(folder, 'scripts/lint'), { recursive: true });
    return run('biome', ['lint', '--max-diagnostics=20', '.'], { cwd: folder });
  };

  it.each(['new Date()', 'Date.now()', 'Math.random()', 'performance.now()'])(
    'keeps %s out of the pure layers',
    (text) => {
      const { code, stderr } = lint('src/reconcile/plan/planted.ts', `export const found = ${text};\n`);
      expect(code).toBe(1);
      expect(stderr).toContain('they are parameters here');
    },
  );

  it('keeps process out of the pure layers', () => {
    const { code, stderr } = lint('src/ledger/planted.ts', 'export const found = process.argv;\n');
    expect(code).toBe(1);
    expect(stderr).toContain('noProcessGlobal');
  });

  it('lets a date be made of a given time, and the adapters look at the clock', () => {
    expect(lint('src/reconcile/plan/planted.ts', 'export const found = (time: string) => new Date(time);\n').code).toBe(
      0,
    );
    expect(lint('src/adapters/planted.ts', 'export const found = new Date();\n').code).toBe(0);
  });
});
