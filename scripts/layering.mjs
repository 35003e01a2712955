// Runs dependency-cruiser and makes sure that it looked: with a parser missing, or one that overlooks a kind of import,
// it finds no violation because it sees no import. So every import that a plain search finds must be one it knows.
//
//   node scripts/layering.mjs [FOLDER]    FOLDER (default: the project) holds src/ and .dependency-cruiser.cjs
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { cruise, format } from 'dependency-cruiser';

const root = path.resolve(process.argv[2] ?? '.');
process.chdir(root); // dependency-cruiser resolves from the current folder

const { options, ...ruleSet } = createRequire(import.meta.url)(path.join(root, '.dependency-cruiser.cjs'));
const { output: found } = await cruise(
  ['src'],
  { ...options, ruleSet, validate: true, baseDir: root },
  options.enhancedResolveOptions,
);
// It warns that TypeScript 7 is not one it can use. swc reads the files instead, and below it is checked that it did.
delete found.summary.environment;
const report = await format(found, { outputType: 'err-long' });
const modules = new Map(
  found.modules.map(({ source, dependencies }) => [source, dependencies.map(({ module }) => module)]),
);

const files = (await readdir('src', { recursive: true }))
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `src/${name}`);
const blind = [];
for (const file of files) {
  const known = modules.get(file);
  if (known === undefined) blind.push(`${file} was not read`);
  for (const specifier of importsIn(await readFile(file, 'utf8'))) {
    if (known !== undefined && !known.includes(specifier.replace(/^node:/, '')))
      blind.push(`${file}: the import of '${specifier}' was not seen`);
  }
}

console.log(report.output.trim());
console.log(`${files.length} files in src/, ${modules.size} modules with what they import`);
if (blind.length > 0)
  console.log(`\ndependency-cruiser is blind, so its verdict is worth nothing:\n  ${blind.join('\n  ')}`);
process.exitCode = report.exitCode > 0 || blind.length > 0 || files.length === 0 ? 1 : 0;

function importsIn(source) {
  const code = source.replace(/^\s*(\/\/|\/?\*).*$/gm, '');
  const statements = /^(?:import|export)\b[^'"`;=(]*?\bfrom\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]/gm;
  const calls = /\bimport\(\s*['"]([^'"]+)['"]/g;
  return [...code.matchAll(statements), ...code.matchAll(calls)].map((match) => match[1] ?? match[2]);
}
