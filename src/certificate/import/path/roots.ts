import { getCACertificates } from 'node:tls';

/** Roots that are trusted where the user names none, as PEM: those of Node.js, with `system` those of the machine too. */
export function publicRoots(system: boolean): readonly string[] {
  const bundled = getCACertificates('bundled');
  return system ? [...new Set([...bundled, ...getCACertificates('system')])] : bundled;
}
