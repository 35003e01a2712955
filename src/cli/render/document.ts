import type { Terminal } from '../../ports/terminal.ts';
import type { OutputFormat } from '../ports.ts';

const API_VERSION = 'palette-keys/v1';

type Fields = Readonly<Record<string, unknown>>;

/** A document with a list in it, which is written while it is found. */
export interface ListDocument {
  add(items: readonly object[]): void;
  end(rest: Fields): void;
}

/** What begins the one document of a run on stdout: `head`, then the list of that name. */
export async function listDocument(
  head: { readonly kind: string } & Fields,
  list: string,
  format: 'json' | 'yaml',
  { stdout }: Terminal,
): Promise<() => ListDocument> {
  const { toYaml } = await import('./yaml.ts');
  const json = format === 'json';
  const item: (item: object) => string = json
    ? (each) => indented(JSON.stringify(each, undefined, 2), 4)
    : (each) => indented(toYaml([each]).trimEnd(), 2);
  const [opening, between, closing] = json ? [' [\n', ',\n', '\n  ]'] : ['\n', '\n', ''];
  return () => {
    let written = false;
    stdout.write(
      json ? `${withoutEnd(versioned(head))},\n  ${JSON.stringify(list)}:` : `${toYaml(versioned(head))}${list}:`,
    );
    return {
      add: (items) => {
        if (items.length === 0) return;
        stdout.write(`${written ? between : opening}${items.map(item).join(between)}`);
        written = true;
      },
      end: (rest) => {
        stdout.write(written ? closing : ' []');
        stdout.write(json ? `,${withoutEnd(rest).slice(1)}\n}\n` : `\n${toYaml(rest)}`);
      },
    };
  };
}

/** False, with nothing written, where the format that was asked for is no document. */
export async function writeDocument(
  document: { readonly kind: string } & Fields,
  format: OutputFormat,
  { stdout }: Terminal,
): Promise<boolean> {
  if (format === 'json') stdout.write(`${JSON.stringify(versioned(document), undefined, 2)}\n`);
  if (format === 'yaml') stdout.write((await import('./yaml.ts')).toYaml(versioned(document)));
  return format === 'json' || format === 'yaml';
}

function versioned({ kind, ...rest }: { readonly kind: string } & Fields): Fields {
  return { apiVersion: API_VERSION, kind, ...rest };
}

/** JSON of an object that has fields, without its last line. */
const withoutEnd = (fields: Fields): string => JSON.stringify(fields, undefined, 2).slice(0, -2);

/** By hand: `^` would take U+2028, which an id may hold, for the end of a line. */
const indented = (text: string, by: number): string => {
  const margin = ' '.repeat(by);
  return `${margin}${text.replaceAll('\n', `\n${margin}`)}`;
};
