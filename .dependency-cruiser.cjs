// Who may import whom. Every rule says why it is there, because the message is all that whoever breaks it will read.
// Type imports count: a type is knowledge of another layer too. `npm run check` runs this through scripts/layering.mjs,
// and test/tooling/layering.test.ts breaks each rule once to see it fail.

/** What every capability may build on: what is true of keys and certificates, and the contracts of the outside world. */
const FOUNDATION = ['inventory', 'ledger', 'installation', 'audit', 'certificate', 'crypto', 'ports'];

/** What decides is pure: it gets a snapshot, a time and random bytes, and returns data. */
const PURE = ['reconcile/plan', 'rotation', 'backup/plan', 'tenants/plan', 'status/plan'];

const RECONCILE = ['reconcile', 'reconcile/plan', 'progress', ...FOUNDATION];

/**
 * Layer → [what it may import besides itself, why]. A folder that is named here for itself is no part of the layer of the
 * folder that it is in. src/errors.ts and src/host.ts are open to all of them.
 */
const LAYERS = {
  ports: [[], 'ports are the contracts that adapters fulfil and the core relies on: they know neither side'],
  crypto: [[], 'crypto turns bytes into bytes: it can be read and reviewed without the rest'],
  certificate: [
    ['crypto'],
    'certificate is the core of the import: it judges bytes and knows of no store or installation',
  ],
  installation: [['ports'], 'installation is the spec, its defaults and its names: all others build on it'],
  ledger: [
    ['crypto', 'certificate', 'installation', 'ports'],
    'ledger is about versions and states of keys: which kinds there are it must not know',
  ],
  inventory: [
    ['installation', 'ledger', 'certificate', 'crypto', 'ports'],
    'inventory is the list of key kinds: it describes them and neither plans nor writes',
  ],
  audit: [['crypto', 'ports'], 'audit chains records: it must not depend on what it records'],
  'reconcile/plan': [FOUNDATION, 'reconcile/plan decides and is pure: what it decided is written by reconcile'],
  reconcile: [
    ['reconcile/plan', 'progress', ...FOUNDATION],
    'reconcile is the pipeline that reads, plans and writes: the capabilities build on it, not it on them',
  ],
  rotation: [
    ['reconcile/plan', ...FOUNDATION],
    'rotation decides and is pure: what it decided is carried out by rotation/perform',
  ],
  'rotation/evidence': [
    ['rotation', 'tenants', 'tenants/plan', ...RECONCILE],
    'evidence is what a gate is decided on: it is read, and noted in the record',
  ],
  'rotation/perform': [
    ['rotation', 'rotation/evidence', 'tenants', 'tenants/plan', ...RECONCILE],
    'perform carries out what rotation decided, through reconcile',
  ],
  'rotation/rehearsal': [
    ['rotation', 'rotation/evidence', 'rotation/perform', 'tenants', 'tenants/plan', ...RECONCILE],
    'rehearsal runs perform over a store that does not write: perform knows nothing of it',
  ],
  'backup/plan': [['reconcile/plan', ...FOUNDATION], 'backup/plan decides and is pure, as reconcile/plan is'],
  backup: [
    ['backup/plan', 'tenants', 'tenants/plan', ...RECONCILE],
    'backup writes and opens backup files; what it restores is brought in order by reconcile',
  ],
  'tenants/plan': [FOUNDATION, 'tenants/plan decides and is pure, as reconcile/plan is'],
  tenants: [['tenants/plan', ...RECONCILE], 'tenants keeps the tenant keys in their database'],
  'front-door': [RECONCILE, 'front-door imports the certificate of the FQDN, and requests it'],
  'status/plan': [['reconcile/plan', ...FOUNDATION], 'status/plan decides and is pure, as reconcile/plan is'],
  status: [['status/plan', ...RECONCILE], 'status reads and reports; it writes nothing'],
  adapters: [
    ['ports', 'ledger', 'crypto', 'progress'],
    'adapters speak to one thing outside each: what is to be done they are told through their port',
  ],
  cli: [
    [
      ...[
        'reconcile',
        'reconcile/plan',
        'rotation',
        'rotation/evidence',
        'rotation/perform',
        'rotation/rehearsal',
        'backup',
      ],
      ...['backup/plan'],
      ...['tenants', 'front-door', 'status', 'status/plan', 'installation', 'inventory', 'ports', 'progress'],
    ],
    'cli parses, composes and renders: stores reach it through ports, from main',
  ],
};

/** Folders of other layers that are in the folder of a layer. */
const within = (layer) =>
  Object.keys(LAYERS)
    .filter((other) => other.startsWith(`${layer}/`))
    .map((other) => other.slice(layer.length + 1));

/** One layer's own files: the folder as well as a file of that name, without what is a layer of its own. */
const own = (layer) => {
  const others = within(layer);
  return others.length === 0 ? `${layer}([.]ts$|/)` : `${layer}([.]ts$|/(?!(${others.join('|')})/))`;
};

const inside = (names) => `^src/(${names.map(own).join('|')})`;

/** Node's own modules come as `node:fs` or `fs`, with or without a subpath. */
const builtin = (...names) => `^(node:)?(${names.join('|')})(/|$)`;

const npm = (...names) => `(^|node_modules/)(${names.join('|')})(/|$)`;

const ONLY_TYPES = { dependencyTypesNot: ['type-only'] };

const layerRules = Object.entries(LAYERS).map(([layer, [others, why]]) => ({
  name: `layer-${layer}`,
  comment: `${why}. It may import: ${['errors', 'host', ...others].join(', ')}.`,
  severity: 'error',
  from: { path: inside([layer]) },
  to: { path: '^(src|test|bench|scripts|dist)/', pathNot: inside([layer, 'errors', 'host', ...others]) },
}));

/** One rule per thing that only some layers may touch. */
const restricted = (name, what, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: '^src/', pathNot: allowed },
  to: { path: what },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: 'known-layer',
      comment:
        'every file of src/ is in a layer, or the layering could be left by adding a folder. Name the layer in LAYERS.',
      severity: 'error',
      from: { path: '^src/', pathNot: [inside(Object.keys(LAYERS)), '^src/(main|errors|host|progress)[.]ts$'] },
      to: {},
    },
    {
      name: 'leaf',
      comment:
        'errors, host and progress are imported from everywhere: an import of theirs would be one of everybody. ' +
        'How an international name is written in ASCII is in url alone.',
      severity: 'error',
      from: { path: '^src/(errors|host|progress)[.]ts$' },
      to: { pathNot: '^url$' },
    },
    {
      name: 'main-is-the-root',
      comment: 'main composes everything: whoever imports it imports everything.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^src/main[.]ts$' },
    },
    {
      name: 'decisions-call-no-port',
      comment:
        'what decides does so on a snapshot that was read before: of ports it may know the types alone, and the names of objects and fields.',
      severity: 'error',
      from: { path: inside(PURE) },
      to: { path: inside(['ports']), pathNot: '^src/ports/(object-ref|tenant-store)[.]ts$', ...ONLY_TYPES },
    },
    {
      name: 'cli-does-not-plan',
      comment: 'cli shows what others decided: of the inventory it may know the types alone.',
      severity: 'error',
      from: { path: inside(['cli']) },
      to: { path: inside(['inventory']), ...ONLY_TYPES },
    },
    restricted(
      'node-crypto',
      builtin('crypto', 'tls'),
      inside(['crypto', 'certificate', 'adapters']),
      'cryptography is called in crypto, certificate and adapters alone, so that a review of it has an end.',
    ),
    restricted(
      'outside-world',
      builtin('fs', 'child_process', 'net', 'http', 'https', 'http2', 'dns', 'dgram', 'worker_threads', 'cluster'),
      inside(['adapters']),
      'files, processes and the network are reached through ports: otherwise a test cannot make them fail.',
    ),
    restricted(
      'process',
      builtin('process', 'os', 'tty', 'readline'),
      [inside(['adapters', 'cli']), '^src/main[.]ts$'],
      'the environment, the user and the terminal are parameters: only the edges of the program look at them.',
    ),
    restricted(
      'chalk',
      npm('chalk'),
      '^src/cli/render/',
      'colour is a matter of src/cli/render/: everything else returns data.',
    ),
    restricted('commander', npm('commander'), inside(['cli']), 'the command line is parsed in src/cli/ alone.'),
    restricted(
      'inquirer',
      npm('@inquirer'),
      ['^src/cli/prompts/', '^src/cli/[^/]+/prompts[.]ts$'],
      'questions are asked in src/cli/prompts, and in the prompts.ts of a command: there it is known whether there is a terminal.',
    ),
    restricted(
      'kubernetes-client',
      npm('@kubernetes/client-node'),
      '^src/adapters/kubernetes/',
      'the Kubernetes client is one adapter of the store: the rest works without a cluster.',
    ),
    restricted(
      'mongodb',
      npm('mongodb'),
      '^src/adapters/mongodb/',
      'the MongoDB driver is one adapter of the tenant store: it takes long to load, and most commands need none.',
    ),
    restricted(
      'yaml',
      npm('yaml'),
      ['^src/installation/', '^src/adapters/(directory|kubernetes)/', '^src/cli/render/'],
      'YAML is the form of the spec, of manifests and of -o yaml: inside, everything is data.',
    ),
    {
      name: 'no-circular',
      comment: 'modules that import each other can only be understood, tested and loaded together.',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'resolvable',
      comment: 'what cannot be found cannot be checked.',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'shipped',
      comment:
        'the program is made of src/ and of `dependencies`: what is a devDependency, or in no list, is not shipped.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], ...ONLY_TYPES },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // TypeScript 7 has no compiler API, without which dependency-cruiser skips every .ts file and finds nothing wrong.
    parser: 'swc',
    tsPreCompilationDeps: true,
    detectProcessBuiltinModuleCalls: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['node', 'import', 'default'] },
  },
};
