// Lists the files of src/ that no test stands for. A test stands for a file when it is at the mirrored path and imports the
// file (src/a/b.ts, test/a/b.test.ts), or when its header names the file and the test reaches it:
//
//   // Covers: src/ledger/ring.ts, src/installation/parse/
//
// A test reaches what it imports, directly or through others; a test that starts the program reaches what src/main.ts
// imports. A file of types alone needs no test.
//
//   node scripts/mirrors.mjs [FOLDER]    FOLDER (default: the project) holds src/ and test/
import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import path from 'node:path';

process.chdir(path.resolve(process.argv[2] ?? '.'));

const MAIN = 'src/main.ts';
const PROGRAM = /^test\/(?:support\/program\.ts|scenarios\/program\/)/;

const graph = new Map([...filesOf('src'), ...filesOf('test')].map((file) => [file, read(file)]));
const sources = [...graph.keys()].filter((file) => file.startsWith('src/'));
const files = sources.filter((file) => file !== MAIN && !isTypesAlone(file));
const tests = [...graph.keys()].filter((file) => file.endsWith('.test.ts'));
const inProgram = reachedFrom(MAIN);

const covered = new Set();
const wrong = [];
for (const test of tests) {
  const { covers } = graph.get(test);
  if (covers.length === 0) continue;
  const reached = reachedFrom(test);
  const startsProgram = [...reached].some((file) => file !== test && PROGRAM.test(file));
  for (const name of covers) {
    const named = files.filter((file) => file === name || (name.endsWith('/') && file.startsWith(name)));
    if (named.length === 0) wrong.push(`${test}: covers ${name}, where src/ has nothing to test`);
    for (const file of named) {
      if (reached.has(file) || (startsProgram && inProgram.has(file))) covered.add(file);
      else wrong.push(`${test}: covers ${file}, which it does not reach`);
    }
  }
}

const untested = files.filter((file) => !covered.has(file) && !hasMirror(file));
for (const file of untested) wrong.push(`${file}: no test stands for it`);
if (wrong.length > 0) console.log(`${wrong.join('\n')}\n`);
console.log(`${sources.length} files in src/, ${untested.length} without a test`);
process.exitCode = wrong.length > 0 || sources.length === 0 ? 1 : 0;

function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.m?[jt]s$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

function read(file) {
  const source = readFileSync(file, 'utf8');
  const header = /^(?:\s*\/\/.*\n)*/.exec(source)[0];
  const covers = [...header.matchAll(/^\/\/ Covers: (.+)$/gm)].flatMap(([, list]) =>
    list.split(',').map((name) => name.trim()),
  );
  return { covers, imports: importsIn(source).map((specifier) => path.join(path.dirname(file), specifier)) };
}

/** What a file imports of the project when it runs: types are gone by then. */
function importsIn(source) {
  const code = source.replace(/^\s*(\/\/|\/?\*).*$/gm, '');
  const statements =
    /^(?:import|export)\b(?! type\b)[^'"`;=(]*?\bfrom\s*['"](\.[^'"]+)['"]|^import\s*['"](\.[^'"]+)['"]/gm;
  // What a test starts as a program of its own is given as such a URL.
  const calls = /\b(?:import|new URL)\(\s*['"](\.[^'"]+)['"]/g;
  return [...code.matchAll(statements), ...code.matchAll(calls)].map((match) => match[1] ?? match[2]);
}

function reachedFrom(start) {
  const reached = new Set([start]);
  for (const file of reached) for (const next of graph.get(file)?.imports ?? []) reached.add(next);
  return reached;
}

function hasMirror(file) {
  const mirror = file.replace(/^src(\/.+)\.ts$/, 'test$1.test.ts');
  return graph.get(mirror)?.imports.includes(file) ?? false;
}

function isTypesAlone(file) {
  const code = stripTypeScriptTypes(readFileSync(file, 'utf8'));
  return code.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').trim() === '';
}
