import {
  type EnteredState,
  type EvidenceItem,
  type EvidenceOf,
  type EvidenceType,
  hasForm,
  type KeyEvidence,
} from './evidence.ts';
import { STATES } from './ring.ts';
import { isObject } from './text.ts';

/**
 * Evidence as records below schemaVersion 3 hold it: an object in which the name of an entry says what it is about, as
 * `v2.3.active` or `v2.cause`. Every object comes back as it was, byte for byte: what is not understood is an item `other`.
 */
export type FormerEvidence = Readonly<Record<string, unknown>>;

const NUMBER = '([1-9]\\d{0,11})';
const STATE = new RegExp(`^v${NUMBER}[.](0|[1-9]\\d{0,4})[.](${STATES.join('|')})$`);

export function decodeFormer(evidence: FormerEvidence): KeyEvidence {
  return Object.entries(evidence).map(([name, value]) => {
    const item = decodeEntry(name, value);
    // Only what can be written back as it was is understood.
    return item !== undefined && hasForm(item.type, item) ? item : { type: 'other', name, value };
  });
}

export function encodeFormer(evidence: KeyEvidence): FormerEvidence {
  return Object.fromEntries(evidence.map(encodeItem));
}

function decodeEntry(name: string, value: unknown): (EvidenceItem & { readonly type: EvidenceType }) | undefined {
  const version = stateNamed(name);
  if (version !== undefined) return decodeState(version, value);
  const [, n, what] = new RegExp(`^v${NUMBER}[.](cause|user)$`).exec(name) ?? [];
  if (what === 'cause' && value === 'compromised') return { type: 'replacement', n: Number(n) };
  if (what === 'user' && value === 'made') return { type: 'user-made', n: Number(n) };
  if (name === 'jwt.before' && isFree(value)) return { type: 'former-jwt', ...value };
  if (name === 'namespaces.before') return { type: 'released-namespaces', namespaces: value };
  const [, kind] = /^(.+)[.]compromised$/s.exec(name) ?? [];
  return kind === undefined ? undefined : { type: 'reissue', kind, since: value };
}

/** A confirmation and a scan of the same state have the same name: the one displaces the other. */
function decodeState(version: EnteredState, value: unknown): ReturnType<typeof decodeEntry> {
  if (!isFree(value)) return undefined;
  if ('confirmedAt' in value) return { type: 'confirmation', version, ...value };
  const under = typeof value['under'] === 'string' ? stateNamed(value['under']) : undefined;
  return under === undefined ? undefined : { type: 'scan', version, ...value, under };
}

/** An object whose fields can stand beside those that an item has of its own. */
function isFree(value: unknown): value is Readonly<Record<string, unknown>> {
  return isObject(value) && !['type', 'version', '__proto__'].some((name) => Object.hasOwn(value, name));
}

function encodeItem(item: EvidenceItem): readonly [string, unknown] {
  // What was read was checked, and what is noted is made by its type.
  const known = item as { readonly [T in EvidenceType]: EvidenceOf<T> }[EvidenceType];
  switch (known.type) {
    case 'confirmation': {
      const { type: _, version, ...value } = known;
      return [nameOf(version), value];
    }
    case 'scan': {
      const { type: _, version, ...value } = known;
      return [nameOf(version), { ...value, under: nameOf(known.under) }];
    }
    case 'replacement':
      return [`v${known.n}.cause`, 'compromised'];
    case 'user-made':
      return [`v${known.n}.user`, 'made'];
    case 'reissue':
      return [`${known.kind}.compromised`, known.since];
    case 'released-namespaces':
      return ['namespaces.before', known.namespaces];
    case 'former-jwt': {
      const { type: _, ...value } = known;
      return ['jwt.before', value];
    }
    case 'other':
      return [known.name, known.value];
    default:
      throw new Error('evidence of a newer schema in a record of an older one');
  }
}

function stateNamed(name: string): EnteredState | undefined {
  const [, n, entered, state] = STATE.exec(name) ?? [];
  const known = STATES.find((each) => each === state);
  return known === undefined ? undefined : { n: Number(n), entered: Number(entered), state: known };
}

export function nameOf({ n, entered, state }: EnteredState): string {
  return `v${n}.${entered}.${state}`;
}
