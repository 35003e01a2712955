// Measures what the README claims. `npm run bench [-- ROUNDS]`; exit code 1 where a limit is missed.
import { run as cluster } from './cluster.mjs';
import { run as importCert } from './import.mjs';
import { run as rewrap } from './rewrap.mjs';
import { run as rotation } from './rotation.mjs';
import { run as start } from './start.mjs';

const rounds = Number(process.argv[2] ?? 31);
console.log(`Node.js ${process.version}, ${process.platform} ${process.arch}`);
process.exitCode = [start(rounds), importCert(rounds), await cluster(), await rewrap(), await rotation()].every(Boolean)
  ? 0
  : 1;
