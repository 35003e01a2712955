import type { YAMLParseError } from 'yaml';

type Code = YAMLParseError['code'];

/** For a code without words of its own the library's are taken: they never quote the file there. */
const MESSAGES: Readonly<Record<Code, string | undefined>> = {
  ALIAS_PROPS: 'an alias can have neither an anchor nor a tag',
  BAD_ALIAS: 'an anchor or alias has no valid name',
  BAD_COLLECTION_TYPE: 'tags are not supported',
  BAD_DIRECTIVE: 'this directive is not understood',
  BAD_DQ_ESCAPE: 'this is not an escape sequence: use single quotes, or double the backslash',
  BAD_INDENT: undefined,
  BAD_PROP_ORDER: 'anchors belong directly before their value',
  BAD_SCALAR_START: 'a text that begins with this character must be put in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a mapping or list cannot begin here: put a text with ": " in quotes, or begin a new line',
  BLOCK_IN_FLOW: 'within {} and [] no nested lines can follow: use {} and [] there too',
  DUPLICATE_KEY: 'the key is there twice',
  IMPOSSIBLE: 'this is not YAML',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters',
  MISSING_CHAR: undefined,
  MULTILINE_IMPLICIT_KEY: 'a key must be on one line, with ":" after it',
  MULTIPLE_ANCHORS: 'a value can have only one anchor',
  MULTIPLE_DOCS: 'the file holds more than one document: an installation has a file of its own',
  MULTIPLE_TAGS: 'tags are not supported',
  NON_STRING_KEY: 'keys must be text',
  RESOURCE_EXHAUSTION: 'the file is nested too deeply',
  TAB_AS_INDENT: 'tabs are not allowed as indentation: use spaces',
  TAG_RESOLVE_FAILED: 'tags are not supported',
  UNEXPECTED_TOKEN: 'this does not belong here: look for wrong indentation, or a missing quote or bracket before it',
};

/** These leave the structure as it was meant, so that the rest can still be checked. */
const HARMLESS: ReadonlySet<Code> = new Set(['BAD_DQ_ESCAPE', 'MULTIPLE_DOCS', 'TAG_RESOLVE_FAILED']);

export function explainYamlError({ code, message }: YAMLParseError): string {
  return MESSAGES[code] ?? message;
}

/** Whether after such an error other mistakes would only be made up. */
export function breaksStructure({ code }: YAMLParseError): boolean {
  return !HARMLESS.has(code);
}
