#!/usr/bin/env node
'use strict';
// The way in. Everything here must parse on any Node.js there ever was (so: CommonJS, which bin/package.json asks for,
// and syntax of 2015), because an old one has to be told so in a sentence instead of meeting a SyntaxError.
//
// V8's compile cache (it halves the time that loading takes) lies inside dist/, and nowhere else: what V8 finds in one it
// runs unchecked, so a cache must never be where others could write. Whoever can write to dist/ can write the code itself.

/** Says what `engines` in package.json says; a test keeps the two together. */
function isSupported(version) {
  const parts = version.split('.').map(Number);
  const major = parts[0];
  const minor = parts[1];
  if (major === 22) return minor > 22 || (minor === 22 && parts[2] >= 2);
  if (major === 24) return minor >= 15;
  return major >= 26;
}

function fail(code, message, hint) {
  process.stderr.write(`palette-keys: error: ${message}\n${hint === undefined ? '' : `palette-keys: hint: ${hint}\n`}`);
  process.exitCode = code;
}

function start(args) {
  if (!isSupported(process.versions.node)) {
    const needed = '22.22.2 or newer 22.x, 24.15 or newer 24.x, or 26+';
    const hint = 'install Node.js 24; in a clone, `npx palette-keys` runs on the Node.js that the project brings';
    fail(1, `needs Node.js ${needed}; this is ${process.version}`, hint);
    return;
  }
  if (args.length === 1 && args[0] === '--version') {
    // Not through process.stdout: opening it loads Node's network code, a quarter of what this takes.
    require('fs').writeSync(1, `${require('../package.json').version}\n`);
    return;
  }
  const { enableCompileCache } = require('module');
  if (enableCompileCache !== undefined) enableCompileCache(`${__dirname}/../dist/compile-cache`);
  import('../dist/main.js').then(
    (main) =>
      main.run(args).then(
        (code) => {
          process.exitCode = code;
        },
        // `run` reports every error itself. Should it fail to, the message stays unsaid: it could quote a key.
        (error) => fail(70, `internal error (${error && error.name})`, 'please report what you ran, without any key'),
      ),
    (error) => {
      if (!require('fs').existsSync(`${__dirname}/../dist/main.js`)) {
        fail(1, 'this copy is not built yet (dist/main.js is missing): run `npm run build`');
      } else {
        fail(70, `cannot load the program: ${error && error.message}`, 'install palette-keys again, or report this');
      }
    },
  );
}

start(process.argv.slice(2));
