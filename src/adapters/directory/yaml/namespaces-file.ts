import { Document, type ParsedNode } from 'yaml';
import { DamagedError, PaletteKeysError } from '../../../errors.ts';
import { inside, isNamespaceName, NAMESPACES_FILE, type Place } from '../layout.ts';
import { readContent } from '../read-file.ts';
import { quoted } from '../safety.ts';
import { YamlFile } from './read-yaml.ts';
import { writeYaml } from './write-yaml.ts';

/** Namespace → its document's text, without `---`. */
export type Namespaces = ReadonlyMap<string, string>;

export function namespacesPath(place: Place): string {
  return inside(place.root, NAMESPACES_FILE);
}

/** The list as it was last read: a run asks for it at every new folder, and it hardly ever changes. */
const lastRead = new WeakMap<Place, { readonly version: string; readonly namespaces: Namespaces }>();

export async function readNamespaces(place: Place): Promise<Namespaces> {
  const path = namespacesPath(place);
  const content = await readContent(place, path);
  if (content === undefined) return new Map();
  try {
    if (content.bytes === undefined) throw new DamagedError(content.reason);
    const { version } = content;
    const last = lastRead.get(place);
    const namespaces = last?.version === version ? last.namespaces : parseNamespaces(content.bytes);
    lastRead.set(place, { version, namespaces });
    return namespaces;
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error;
    throw new PaletteKeysError(
      'STORE_UNAVAILABLE',
      `${path} cannot be read as a list of namespaces: it ${error.message}`,
      {
        hint: `put it right, or delete it (rm ${quoted(path)}): 'init' writes it anew`,
        cause: error,
      },
    );
  }
}

/** What people added to a namespace, such as labels for pod security, is kept. */
function parseNamespaces(bytes: Uint8Array): Namespaces {
  const file = new YamlFile(bytes);
  const found = new Map<string, string>();
  for (const { contents } of file.documents) {
    const top = file.fields(contents, 'a document');
    const [apiVersion, kind, metadata] = [top.get('apiVersion'), top.get('kind'), top.get('metadata')];
    if (apiVersion === undefined || kind === undefined || metadata === undefined) throw notANamespace(file, contents);
    if (file.text(apiVersion, 'apiVersion') !== 'v1' || file.text(kind, 'kind') !== 'Namespace') {
      throw notANamespace(file, contents);
    }
    const field = file.fields(metadata.value, 'metadata').get('name');
    const name = field === undefined ? '' : file.text(field, 'name');
    if (!isNamespaceName(name)) throw file.damaged('has a namespace without a valid name', contents);
    if (found.has(name)) throw file.damaged('lists a namespace twice', contents);
    found.set(name, textOf(contents));
  }
  return found;
}

/** kubectl walks by name: objects of such a namespace would come before the namespace itself. */
export function sortsBeforeList(namespace: string): boolean {
  return namespace < NAMESPACES_FILE;
}

/** Sorted, each document after a `---`. */
export function formatNamespaces(namespaces: Namespaces): Uint8Array {
  const sorted = [...namespaces].sort(([a], [b]) => (a < b ? -1 : 1));
  return new TextEncoder().encode(sorted.map(([, text]) => `---\n${text}`).join(''));
}

export function namespaceManifest(name: string): string {
  return writeYaml([
    ['apiVersion', 'v1'],
    ['kind', 'Namespace'],
    ['metadata', [['name', name]]],
  ]);
}

function notANamespace(file: YamlFile, at: ParsedNode | null) {
  return file.damaged('has a document that is not a v1 Namespace', at);
}

function textOf(contents: ParsedNode | null): string {
  const document = new Document();
  document.contents = contents;
  return document.toString({ lineWidth: 0 });
}
