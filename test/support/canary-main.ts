// The program with canaries for random bytes: `node canary-main.ts` and the arguments of palette-keys.
import { canaryRandom } from './canary.ts';

type Main = { run(argv: readonly string[], overrides: { random: ReturnType<typeof canaryRandom> }): Promise<number> };

const { run } = (await import(new URL('../../dist/main.js', import.meta.url).href)) as Main;
process.exitCode = await run(process.argv.slice(2), { random: canaryRandom() });
