import { elementsOf, oidOf, readDer } from '../der.ts';
import { GENERAL_NAME, type GeneralName } from '../extensions.ts';

interface Matching {
  readonly covered: boolean;
  readonly touched: boolean;
}

const OUTSIDE: Matching = { covered: false, touched: false };
/** What cannot be judged is neither permitted nor surely free of what is excluded. */
const UNKNOWN: Matching = { covered: false, touched: true };

/** Name and subtree are of the same type (RFC 5280, section 4.2.1.10). */
export function matchSubtree(name: GeneralName, subtree: GeneralName): Matching {
  switch (name.tag) {
    case GENERAL_NAME.dns:
      return matchDns(name.value.toLowerCase(), subtree.value.toLowerCase());
    case GENERAL_NAME.ip:
      return matchIp(Buffer.from(name.value, 'latin1'), Buffer.from(subtree.value, 'latin1'));
    case GENERAL_NAME.email:
      return matchEmail(name.value, subtree.value);
    case GENERAL_NAME.directory:
      return matchDirectory(name.value, subtree.value);
    default:
      return UNKNOWN;
  }
}

const exactly = (matches: boolean): Matching => ({ covered: matches, touched: matches });

/** A wildcard stands for every label in its place: one that could be excluded is, however OpenSSL compares the text. */
function matchDns(name: string, subtree: string): Matching {
  const base = name.startsWith('*.') ? name.slice(2) : name;
  if (!/^[^.*]+(\.[^.*]+)*$/.test(base)) return UNKNOWN;
  const within = subtree === '' || base === subtree || base.endsWith(subtree.startsWith('.') ? subtree : `.${subtree}`);
  if (base === name) return exactly(within);
  const childIsRoot = subtree.replace(/^[^.]+\./, '') === base;
  // `*.a.b` is below `.a.b` although `a.b` is not.
  const below = within || subtree === `.${base}`;
  return { covered: below, touched: below || childIsRoot };
}

/** A subtree is the address and the mask. */
function matchIp(address: Buffer, subtree: Buffer): Matching {
  if (address.length !== 4 && address.length !== 16) return UNKNOWN;
  if (subtree.length !== address.length * 2) return OUTSIDE;
  const mask = subtree.subarray(address.length);
  return exactly(address.every((byte, i) => (byte & (mask[i] ?? 0)) === ((subtree[i] ?? 0) & (mask[i] ?? 0))));
}

/** A mailbox, a host with all its mailboxes, or with a first dot all hosts below; the local part is literal. */
function matchEmail(name: string, subtree: string): Matching {
  const parts = name.split('@');
  const [local, host] = parts;
  if (parts.length !== 2 || local === undefined || host === undefined) return UNKNOWN;
  const [wanted = '', mailbox] = subtree.split('@').reverse();
  const sameHost = host.toLowerCase() === wanted.toLowerCase();
  if (mailbox !== undefined) return exactly(sameHost && local === mailbox);
  return exactly(wanted.startsWith('.') ? host.toLowerCase().endsWith(wanted.toLowerCase()) : sameHost);
}

function matchDirectory(name: string, subtree: string): Matching {
  try {
    const [wanted, own] = [rdnsOf(subtree), rdnsOf(name)];
    return exactly(wanted.every((part, i) => part === own[i]));
  } catch {
    return UNKNOWN;
  }
}

/** The parts of a name, from the root: types and values, without regard to case and spaces (RFC 5280, section 7.1). */
function rdnsOf(name: string): readonly string[] {
  return elementsOf(readDer(name)).map((rdn) =>
    elementsOf(rdn)
      .map((attribute) => {
        const [type, value] = elementsOf(attribute);
        const text = typeof value?.value === 'string' ? value.value : '';
        return `${oidOf(type)}=${text.trim().replace(/\s+/g, ' ').toLowerCase()}`;
      })
      .sort()
      .join('+'),
  );
}
