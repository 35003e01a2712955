// Bundles src/ and every dependency into dist/. One file read per start instead of hundreds is what makes a short
// command fast, and a program that handles keys should run the code that was tested, not what a resolver finds later.
//
//   node scripts/build.mjs              build
//   node scripts/build.mjs --if-stale   build unless dist/ is newer than everything it is made from
//   node scripts/build.mjs --analyze    build and say what the bundle is made of
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { analyzeMetafile, build as esbuild } from 'esbuild';

const here = fileURLToPath(new URL('..', import.meta.url));

/** What dist/ is made from; a change in any of them makes it stale. */
const SOURCES = ['src', 'scripts/build.mjs', 'package.json', 'package-lock.json'];

/** The names that the build replaces by literals; vitest.config.ts takes the same ones. */
export async function defines(root = here) {
  const { version, config } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
  return { __VERSION__: JSON.stringify(version), __RELEASE_DATE__: JSON.stringify(config.releaseDate) };
}

/** Whether dist/ is missing or older than a source. Folders count too: their time changes when a file in them is deleted. */
export async function isStale(root = here) {
  const built = await stat(path.join(root, 'dist/main.js')).catch(() => undefined);
  if (built === undefined) return true;
  for (const source of SOURCES) {
    if (await changedSince(path.join(root, source), built.mtimeMs)) return true;
  }
  return false;
}

async function changedSince(file, time) {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return false;
  if (found.mtimeMs > time) return true;
  if (!found.isDirectory()) return false;
  for (const name of await readdir(file)) {
    if (await changedSince(path.join(file, name), time)) return true;
  }
  return false;
}

/** Builds into a folder of its own and then swaps it in, so that nobody meets half a dist/. */
export async function build(root = here, { logLevel = 'warning' } = {}) {
  const main = path.join(root, 'src/main.ts');
  if (!existsSync(main)) throw new Error('src/main.ts is missing: there is nothing to build');

  const cache = path.join(root, 'node_modules/.cache/palette-keys');
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(path.join(cache, 'build-'));
  const output = path.join(work, 'dist');
  try {
    const shared = { ...(await sharedOptions(root)), logLevel };
    // Both to their end, also if one fails: what still writes would bring a deleted folder back.
    const [program, schema] = await Promise.allSettled([
      esbuild({
        ...shared,
        entryPoints: { main },
        outdir: output,
        chunkNames: 'chunks/[name]-[hash]',
        splitting: true,
        minifySyntax: true,
        minifyWhitespace: true, // but names stay: the stack trace of a bug report must be readable
        legalComments: 'external',
        metafile: true,
      }),
      writeSchema(root, shared, work, output),
    ]);
    if (program.status === 'rejected') throw program.reason;
    if (schema.status === 'rejected') throw schema.reason;
    await refuseDynamicRequire(output);
    await writeLicenses(root, output, program.value.metafile);
    await swap(output, path.join(root, 'dist'), path.join(work, 'old'));
    await warm(root);
    return program.value.metafile;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function sharedOptions(root) {
  return {
    absWorkingDir: root,
    bundle: true,
    charset: 'utf8',
    define: await defines(root),
    format: 'esm',
    platform: 'node',
    plugins: [chalkIsTold, commanderStartsNothing, forgeForX509, kubeConfigAlone, mongodbAlone, builtins],
    target: 'node22.22',
    tsconfig: path.join(root, 'tsconfig.json'),
  };
}

/**
 * Node's own modules are taken by process.getBuiltinModule, whoever asks for them. An `import` of one would look at
 * every export of it: that opens stdin for node:process and loads the streams for node:fs, half the time of `--help`.
 * And a `require` inside a CommonJS dependency has nothing to call in an ES module.
 */
const builtins = {
  name: 'builtins',
  setup(context) {
    let copies = 0;
    const bare = builtinModules.filter((name) => /^[a-z0-9_/]+$/.test(name)).join('|');
    context.onResolve({ filter: new RegExp(`^(node:.+|${bare})$`) }, ({ path: name, kind }) => {
      if (kind === 'dynamic-import') return { path: name, external: true };
      // One for each importer, or it would become a chunk, a file, of its own.
      const namespace = kind === 'require-call' ? 'builtin' : 'builtin-module';
      return { path: name, namespace, suffix: `?${copies++}` };
    });
    context.onLoad({ filter: /./, namespace: 'builtin-module' }, ({ path: name }) => ({ contents: asModule(name) }));
    context.onLoad({ filter: /./, namespace: 'builtin' }, ({ path: name }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(name)})`,
    }));
  },
};

/** Each name by itself: what nobody imports falls away, where an ES module around the whole would look at every one. */
function asModule(name) {
  const names = Object.keys(process.getBuiltinModule(name)).filter(
    (key) => /^[A-Za-z_]\w*$/.test(key) && key !== 'default',
  );
  const exported = names.map((key) => `const _${key} = /* @__PURE__ */ get('${key}'); export { _${key} as ${key} };`);
  const head = `const all = process.getBuiltinModule(${JSON.stringify(name)}); const get = (key) => all[key];`;
  return [head, 'export default all;', ...exported].join('\n');
}

/**
 * commander can start subcommands that are programs of their own, and so loads node:child_process, which takes a tenth
 * of the time of `--help`. Ours are not; and a program that handles keys had better not be able to.
 */
const commanderStartsNothing = {
  name: 'commander-starts-nothing',
  setup(context) {
    context.onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      /[/\\]node_modules[/\\]commander[/\\]/.test(importer) ? { path: 'none', namespace: 'nothing' } : undefined,
    );
    context.onLoad({ filter: /./, namespace: 'nothing' }, () => ({ contents: 'export default {}' }));
  },
};

/** chalk is told the level of colour. What finds it out by itself would load node:tty, and with that the network code. */
const chalkIsTold = {
  name: 'chalk-is-told',
  setup(context) {
    context.onResolve({ filter: /^#supports-color$/ }, () => ({ path: 'supports-color', namespace: 'told' }));
    context.onLoad({ filter: /./, namespace: 'told' }, () => ({
      contents: 'export default { stdout: false, stderr: false }',
    }));
  },
};

/**
 * Of forge the part that lays certificates out (with what it needs itself): the rest takes as long to load again. And
 * that when it is first used: a command that only reads needs none of it.
 */
const forgeForX509 = {
  name: 'forge-for-x509',
  setup(context) {
    const contents = `
      const forge = () => (require('node-forge/lib/x509'), require('node-forge/lib/forge'));
      module.exports = new Proxy({}, { get: (_, name) => forge()[name] });`;
    context.onResolve({ filter: /^node-forge$/ }, () => ({ path: 'x509', namespace: 'forge' }));
    context.onLoad({ filter: /./, namespace: 'forge' }, () => ({ contents, resolveDir: here }));
  },
};

/** What stands there instead of a package that client-node imports. */
const INSTEAD = {
  // For callers that use fetch (1 MB); ours use its agents for node:https.
  undici: 'module.exports = { Agent: class {}, ProxyAgent: class {} }',
  socks: 'module.exports = { SocksClient: class {} }',
  // What it logs in with (OpenID Connect, the output of cloud tools): src/adapters/kubernetes/connect does that.
  'openid-client': 'module.exports = {}',
  'jsonpath-plus': 'module.exports = {}',
  // The kubeconfig is read and checked before client-node gets it, as JSON.
  'js-yaml': 'module.exports = { load: JSON.parse }',
  // For a home directory on Windows alone.
  'node:child_process': 'module.exports = {}',
  // Loaded where there is such a proxy.
  'socks-proxy-agent':
    "module.exports = { get SocksProxyAgent() { return require('socks-proxy-agent').SocksProxyAgent } }",
};

/**
 * Of @kubernetes/client-node only KubeConfig is used: its modules have no side effects, so that the API's models (450 kB)
 * fall away.
 */
const kubeConfigAlone = {
  name: 'kube-config-alone',
  setup(context) {
    context.onLoad({ filter: /./, namespace: 'instead' }, ({ path: name }) => ({
      contents: INSTEAD[name],
      resolveDir: here,
    }));
    context.onResolve({ filter: /./ }, async ({ path: name, importer, kind, resolveDir, pluginData }) => {
      const byClient = /client-node[/\\]dist/.test(importer);
      if (byClient && name in INSTEAD) return { path: name, namespace: 'instead' };
      const isClient = name === '@kubernetes/client-node' || byClient;
      if (!isClient || pluginData === 'resolved' || name.startsWith('node:')) return undefined;
      const found = await context.resolve(name, { importer, kind, resolveDir, pluginData: 'resolved' });
      return /client-node[/\\]dist/.test(found.path) ? { ...found, sideEffects: false } : found;
    });
  },
};

/** The MongoDB driver asks for packages that it can do without: other logins, compression, proxies, client encryption. */
const mongodbAlone = {
  name: 'mongodb-alone',
  setup(context) {
    const names =
      'kerberos|@mongodb-js/zstd|@aws-sdk/credential-providers|gcp-metadata|snappy|socks|mongodb-client-encryption';
    context.onResolve({ filter: new RegExp(`^(${names})$`) }, ({ importer, path: name }) =>
      /[/\\]node_modules[/\\]mongodb[/\\]/.test(importer) ? { path: name, namespace: 'not-there' } : undefined,
    );
    context.onLoad({ filter: /./, namespace: 'not-there' }, () => ({
      contents: "throw Object.assign(new Error('not part of this program'), { code: 'MODULE_NOT_FOUND' })",
    }));
  },
};

/** V8's compile cache keeps the functions that the first run has called: a run that shows all of the help. */
async function warm(root) {
  const bin = path.join(root, 'bin/palette-keys.js');
  if (existsSync(bin)) await promisify(execFile)(process.execPath, [bin, '--help']).catch(() => undefined);
}

/** What the plugin did not catch would fail when a user gets there; so it fails here. */
async function refuseDynamicRequire(output) {
  for (const file of (await readdir(output, { recursive: true })).filter((name) => name.endsWith('.js'))) {
    const found = /\b__require\([^)]*\)/.exec(await readFile(path.join(output, file), 'utf8'));
    if (found !== null) throw new Error(`${file} calls ${found[0]}, which an ES module cannot`);
  }
}

/** dist/installation.schema.json: the JSON Schema of the installation spec, for editors and for `palette-keys/schema`. */
async function writeSchema(root, shared, work, output) {
  const source = path.join(root, 'src/installation/json-schema.ts');
  if (!existsSync(source)) return;
  const outfile = path.join(work, 'json-schema.mjs');
  await esbuild({ ...shared, entryPoints: [source], outfile });
  const { installationJsonSchema } = await import(pathToFileURL(outfile).href);
  await mkdir(output, { recursive: true });
  const text = `${JSON.stringify(installationJsonSchema(), undefined, 2)}\n`;
  await writeFile(path.join(output, 'installation.schema.json'), text);
}

/** A bundle is a copy: the licence of everything in it goes along, in full, in one file. */
async function writeLicenses(root, output, metafile) {
  const packages = new Set(Object.keys(metafile.inputs).map(packageFolder).filter(Boolean));
  const parts = [];
  for (const folder of [...packages].sort()) {
    const { name, version, license } = JSON.parse(await readFile(path.join(root, folder, 'package.json'), 'utf8'));
    const files = (await readdir(path.join(root, folder))).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
    const texts = await Promise.all(files.map((file) => readFile(path.join(root, folder, file), 'utf8')));
    parts.push(`${name} ${version} (${license})\n\n${texts.map((text) => text.trim()).join('\n\n')}`);
  }
  for (const file of (await readdir(output, { recursive: true })).filter((name) => name.endsWith('.LEGAL.txt'))) {
    const text = (await readFile(path.join(output, file), 'utf8')).trim();
    if (text !== '') parts.push(text);
    await rm(path.join(output, file));
  }
  await writeFile(path.join(output, 'THIRD-PARTY-LICENSES.txt'), `${parts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`);
}

/** `node_modules/@scope/name/lib/x.js` → `node_modules/@scope/name`; undefined for our own files. */
function packageFolder(input) {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
}

async function swap(fresh, target, old) {
  try {
    await rename(target, old);
  } catch (error) {
    // EXDEV: a folder that is part of a container image's layer cannot be renamed, only deleted.
    if (error.code === 'EXDEV') await rm(target, { recursive: true });
    else if (error.code !== 'ENOENT') throw error;
  }
  await rename(fresh, target);
}

/** Vitest's globalSetup: before the tests, once. */
export async function setup() {
  if (await isStale()) await build();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const flags = new Set(process.argv.slice(2));
  if (!flags.has('--if-stale') || (await isStale())) {
    const metafile = await build();
    if (flags.has('--analyze')) console.log(await analyzeMetafile(metafile));
  }
}
