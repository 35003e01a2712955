// `npm run test:setup`: builds the server of the MongoDB protocol that the tests of the tenant keys run against, once.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { haveServer, MODULE, PATCHES, serverFile } from './recipe.mjs';

const NAME = 'github.com/FerretDB/FerretDB';
const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '' };

if (!haveServer()) {
  try {
    build(serverFile());
  } catch (error) {
    const fatal = Boolean(process.env.CI) && process.env.CI !== 'false';
    say(`${error.message}${fatal ? '' : '; the tests of the tenant keys on a server will be skipped'}`);
    process.exitCode = fatal ? 1 : 0;
  }
}
if (haveServer()) say(`ready in ${dirname(serverFile())}`);

function build(file) {
  say('building ferretdb ...');
  const { Dir: sources, Version: version } = JSON.parse(go(MODULE, ['mod', 'download', '-json', NAME]));
  const work = mkdtempSync(join(tmpdir(), 'palette-keys-ferretdb-'));
  try {
    cpSync(sources, work, { recursive: true });
    makeWritable(work); // the module cache is read-only
    writeFileSync(join(work, 'build/version/version.txt'), `${version}\n`);
    for (const patch of PATCHES) apply(patch, work);
    mkdirSync(dirname(file), { recursive: true });
    const unfinished = `${file}.${process.pid}.tmp`;
    go(work, [
      'build',
      '-mod=readonly',
      '-trimpath',
      '-buildvcs=false',
      '-ldflags',
      '-s -w',
      '-o',
      unfinished,
      './cmd/ferretdb',
    ]);
    renameSync(unfinished, file);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function apply({ file, find, put }, work) {
  const path = join(work, file);
  const text = readFileSync(path, 'utf8');
  if (!text.includes(find)) throw new Error(`${file} is not as this recipe knows it`);
  writeFileSync(path, text.replaceAll(find, put));
}

function makeWritable(folder) {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) makeWritable(join(folder, entry.name));
    else chmodSync(join(folder, entry.name), 0o644);
  }
}

function go(cwd, args) {
  return execFileSync('go', args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

function say(line) {
  process.stderr.write(`test:setup: ${line}\n`);
}
