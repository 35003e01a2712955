/** A run that is interrupted while nobody answers: `node gives-up.ts KUBECONFIG`. */
import { PaletteKeysError } from '../../../src/errors.ts';
import { open } from './bed.ts';

const [kubeconfig = ''] = process.argv.slice(2);
const controller = new AbortController();
const store = await open({ kubeconfig, env: process.env, signal: controller.signal });
setTimeout(() => controller.abort(new PaletteKeysError('INTERRUPTED', 'ended by SIGINT', { hint: '' })), 500);
const outcome = await store.get({ kind: 'Secret', namespace: 'default', name: 'x' }).then(
  () => 'found',
  (error: unknown) => (error instanceof PaletteKeysError ? error.code : String(error)),
);
process.stdout.write(`${outcome}\n`);
