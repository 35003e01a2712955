import { chmodSync, cpSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { newPath } from './program.ts';

/** Installations that earlier builds made: see the README there. */
const INSTALLATIONS = fileURLToPath(new URL('../fixtures/installations', import.meta.url));

/** A moment after all of them were made, and before any of their certificates is due. */
export const AFTER = '2026-12-10T12:00:00Z';

export const EARLIER_BUILDS = readdirSync(INSTALLATIONS).filter((name) => /^\d/.test(name));

/** A file of one build's folder. */
export function fixture(build: string, name: string): string {
  return path.join(INSTALLATIONS, build, name);
}

/** A copy of a store, with the modes that git does not keep. */
export function copyOfStore(build: string, name: string): string {
  const copy = newPath(name);
  cpSync(fixture(build, name), copy, { recursive: true });
  protect(copy);
  return copy;
}

function protect(folder: string): void {
  chmodSync(folder, 0o700);
  for (const name of readdirSync(folder)) {
    const inner = path.join(folder, name);
    if (statSync(inner).isDirectory()) protect(inner);
    else chmodSync(inner, 0o600);
  }
}
