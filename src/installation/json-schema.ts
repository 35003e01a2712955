import * as z from 'zod/mini';

import { CONSUMER_DEFAULTS, DEFAULTS, MESSAGE_BUS_DEFAULTS } from './defaults.ts';
import { DESCRIPTIONS } from './descriptions.ts';
import { installationSchema } from './schema.ts';

/** What of a JSON Schema is walked and added to. */
interface Node {
  description?: string;
  default?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
}

/** JSON Schema (draft 2020-12), for editors. Rules over several fields are checked by the program alone. */
export function installationJsonSchema(): object {
  // What the schema yields has the form of what it takes; only there `list` shows what is in it.
  const { $schema, ...schema } = z.toJSONSchema(installationSchema, { io: 'output' });
  for (const [field, description] of Object.entries(DESCRIPTIONS)) {
    const node = nodeAt(schema as Node, field);
    node.description = description;
    const value = defaultOf(field);
    if (value !== undefined) node.default = value;
  }
  return {
    $schema,
    $id: 'urn:palette-keys:installation:v1',
    title: 'palette-keys installation',
    description: 'The keys and certificates of an installation of Palette: palette-keys.yaml.',
    ...schema,
  };
}

function nodeAt(root: Node, field: string): Node {
  let node: Node | undefined = root;
  for (const part of field.split(/\.|(?=\[\])/)) {
    const mapping: Node | undefined = node?.anyOf?.find((choice) => choice.properties !== undefined) ?? node;
    node = part === '[]' ? mapping?.items : mapping?.properties?.[part];
  }
  if (node === undefined) throw new Error(`the JSON Schema has no ${field}`);
  return node;
}

/** Undefined for what has none, and for a mapping: its fields have theirs. */
function defaultOf(field: string): unknown {
  const inside = field.includes('.') ? { 'consumers[]': CONSUMER_DEFAULTS, messageBus: MESSAGE_BUS_DEFAULTS } : {};
  let value: unknown = { ...DEFAULTS, ...inside };
  for (const key of field.split('.')) value = (value as Readonly<Record<string, unknown>> | null | undefined)?.[key];
  const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMapping ? undefined : value;
}
