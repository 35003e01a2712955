import { type Link, readRoot } from './link.ts';

export interface Trust {
  readonly given: readonly Link[];
  isAnchor(link: Link): boolean;
  /** True for the roots that every client has. */
  isPublic(link: Link): boolean;
  /** The trusted roots that bear the name of the link's issuer. */
  rootsFor(link: Link): readonly Link[];
}

/** Of the roots, some 150, only those are parsed that bear a name that is asked for: the rest is searched as bytes. */
export function readTrust(given: readonly Link[], pinned: readonly string[], roots: readonly string[]): Trust {
  const trusted = new Set([...given.map(({ fingerprint }) => fingerprint), ...pinned]);
  let decoded: readonly { pem: string; der: Buffer }[] | undefined;
  const byName = new Map<string, readonly Link[]>();

  const named = (name: string): readonly Link[] => {
    const known = byName.get(name);
    if (known !== undefined) return known;
    decoded ??= roots.map((pem) => ({ pem, der: Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64') }));
    const bytes = Buffer.from(name, 'latin1');
    const found = decoded
      .filter(({ der }) => der.includes(bytes))
      .flatMap(({ pem }) => readable(pem))
      .filter(({ subject }) => subject === name);
    byName.set(name, found);
    return found;
  };
  const isPublic = (link: Link): boolean =>
    named(link.subject).some(({ fingerprint }) => fingerprint === link.fingerprint);
  return {
    given,
    isAnchor: (link) => trusted.has(link.fingerprint) || isPublic(link),
    isPublic,
    rootsFor: ({ issuer }) => named(issuer),
  };
}

/** A fingerprint as people paste it: hex of either case, with colons or without. */
export function normalizePin(pin: string): string {
  return `SHA256:${pin
    .replace(/^sha256:/i, '')
    .replaceAll(':', '')
    .toLowerCase()}`;
}

/** A root of the system that cannot be read is no fault of the certificate; a chain that needs it is not found. */
function readable(pem: string): readonly Link[] {
  try {
    return [readRoot(pem)];
  } catch {
    return [];
  }
}
