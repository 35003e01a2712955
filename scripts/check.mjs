// Runs the package's check:* scripts side by side and prints what each said, one after the other.
//
//   node scripts/check.mjs [NAME…]    all of them, or some: types, style, layers, mirrors, dead-code
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { scripts } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
const all = Object.keys(scripts).flatMap((name) => /^check:(.+)$/.exec(name)?.[1] ?? []);
const wanted = process.argv.length > 2 ? process.argv.slice(2) : all;
const unknown = wanted.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`check: there is no ${unknown.join(', ')}; there are ${all.join(', ')}`);
  process.exit(2);
}

const results = await Promise.all(wanted.map(run));
for (const { name, passed, seconds, output } of results) {
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (!passed) console.log(`\n${output.trim()}\n`);
}
const failed = results.filter(({ passed }) => !passed).map(({ name }) => name);
if (failed.length > 0) console.log(`\n${failed.join(', ')} failed: \`npm run check:<name>\` runs one alone`);
process.exitCode = failed.length > 0 ? 1 : 0;

function run(name) {
  const started = performance.now();
  const bin = path.join(root, 'node_modules/.bin');
  const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` };
  return new Promise((resolve) => {
    const child = spawn(scripts[`check:${name}`], { cwd: root, env, shell: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk) => {
      output += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    child.on('error', (error) => collect(`${error.message}\n`));
    child.on('close', (code) => {
      resolve({ name, passed: code === 0, seconds: ((performance.now() - started) / 1000).toFixed(1), output });
    });
  });
}
