// Runs the same commands with two builds of the program, and reports every difference that a user could see: what is
// printed, exit codes, and the files and objects that are left. So a rebuild of the code proves that it changes nothing.
//
//   node scripts/compare-builds.mjs OLD NEW          two checkouts, each with its dist/ built
//     --only NAME     run this scenario alone
//     --allow WHAT    record, dry-run: except what a later build may do differently, see compare-builds/allowances.mjs
//
// The clock of both stands still, so times have to be equal. Keys are random: they are compared as KID1, KID2 and so on.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ALLOWANCES, countedIn } from './compare-builds/allowances.mjs';
import { openBench } from './compare-builds/bench.mjs';
import { differencesBetween } from './compare-builds/differences.mjs';
import { makeMaterials } from './compare-builds/materials.mjs';
import { SCENARIOS } from './compare-builds/scenarios.mjs';

const FIVE_DAYS = 5 * 86_400_000;

const { builds, scenarios, allowed } = readArguments();
const folder = mkdtempSync(path.join(realpathSync(tmpdir()), 'palette-keys-compare-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

// No build makes keys before it was released.
const start = Math.max(...builds.map(({ manifest }) => Date.parse(manifest.config.releaseDate))) + FIVE_DAYS;
const materials = await makeMaterials(path.join(folder, 'given'), start);
const runScenario = openBench({ folder, materials, start });
const folders = builds.map(({ name }) => path.join(folder, name));
const versions = builds.map(({ manifest }) => manifest.version);
for (const place of folders) mkdirSync(place);

let commandCount = 0;
let differenceCount = 0;
for (const scenario of scenarios) {
  const counted = countedIn(scenario, allowed);
  const [before, after] = await Promise.all(
    builds.map((build) => {
      const run = runScenario(scenario, { build, maker: scenario.continued ? builds[0] : build, counted });
      // With the old build a scenario has to come to its end, or it is the scenario that is wrong.
      return build.name === 'old' ? run : run.catch((error) => error);
    }),
  );
  const differences =
    after instanceof Error
      ? [{ command: '…', part: 'the scenario cannot go on', excerpt: [after.message] }]
      : differencesBetween(before, after, { versions, folders, counted });
  commandCount += before.length;
  differenceCount += differences.length;
  report(scenario.name, before.length, differences);
}
const verdict = differenceCount === 0 ? 'no difference' : number(differenceCount, 'difference');
console.log(`${number(commandCount, 'command')} in ${number(scenarios.length, 'scenario')}: ${verdict}`);
process.exitCode = differenceCount === 0 ? 0 : 1;

function report(name, commands, differences) {
  console.log(`${differences.length === 0 ? 'same  ' : 'DIFFER'} ${name} (${number(commands, 'command')})`);
  for (const { command, part, excerpt } of differences) {
    console.log(`\n  $ palette-keys ${command}\n  ${part}:\n${excerpt.map((line) => `    ${line}`).join('\n')}\n`);
  }
}

function number(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function readArguments() {
  const options = { only: { type: 'string', multiple: true }, allow: { type: 'string', multiple: true, default: [] } };
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (positionals.length !== 2) throw new Error('usage: compare-builds.mjs OLD NEW [--only NAME] [--allow WHAT]');
    const { only, allow } = values;
    refuseUnknown('--allow', allow, ALLOWANCES);
    refuseUnknown(
      '--only',
      only ?? [],
      SCENARIOS.map(({ name }) => name),
    );
    return {
      builds: positionals.map((root, i) => readBuild(['old', 'new'][i], path.resolve(root))),
      scenarios: SCENARIOS.filter(({ name }) => only?.includes(name) ?? true),
      allowed: allow,
    };
  } catch (error) {
    console.error(`compare-builds: ${error.message}`);
    process.exit(2);
  }
}

function refuseUnknown(flag, given, known) {
  const unknown = given.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`${flag}: there is no ${unknown.join(', ')}; there are ${known.join(', ')}`);
}

function readBuild(name, root) {
  if (!existsSync(path.join(root, 'dist/main.js'))) throw new Error(`${root} has no dist/main.js: build it first`);
  return { name, root, manifest: JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) };
}
