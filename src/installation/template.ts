import { Document, isMap, isSeq, type Node, type Scalar, type YAMLMap } from 'yaml';

import { DEFAULTS } from './defaults.ts';
import { DESCRIPTIONS, type Field } from './descriptions.ts';

type Mapping = YAMLMap<Scalar<string>, Node>;

const WIDTH = 110;

const HEAD =
  'palette-keys.yaml: which keys and certificates `palette-keys init` makes for an installation of Palette, and where. ' +
  'Every field below apiVersion and kind may be left out. A new installation then has the value shown here; one that is ' +
  'there keeps the value that it has. A list is one value: it replaces the whole list. Durations are a positive whole number and s, m, h or d. The file holds no secrets: never put a ' +
  'password into it.';

/** The default spec with comments, as `init --print-config` prints it. templates/installation.yaml is a copy of it. */
export function renderTemplate(): string {
  const document = new Document(DEFAULTS);
  document.commentBefore = comment(HEAD, 0);
  const { apiVersion: _, kind: __, ...fields } = DEFAULTS;
  for (const { key, value } of (document.contents as unknown as Mapping).items) {
    if (!Object.hasOwn(fields, key.value)) continue;
    key.spaceBefore = true;
    describe(key, key.value as Field, 0);
    if (isMap(value)) describeAll(value as Mapping, key.value);
  }
  return document.toString({ lineWidth: 0 });
}

function describeAll(map: Mapping, prefix: string): void {
  for (const { key, value } of map.items) {
    describe(key, `${prefix}.${key.value}` as Field, 2);
    for (const item of isSeq(value) ? value.items : []) if (isMap(item)) item.flow = true;
  }
}

function describe(key: Scalar<string>, field: Field, indent: number): void {
  key.commentBefore = comment(DESCRIPTIONS[field], indent);
}

/** Broken into lines, each of which will follow a `#`; a line break in the text stays one. */
function comment(text: string, indent: number): string {
  return text
    .split('\n')
    .flatMap((paragraph) => wrap(paragraph, WIDTH - indent))
    .map((line) => ` ${line}`)
    .join('\n');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}
