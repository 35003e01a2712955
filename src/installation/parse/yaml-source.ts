import { Buffer } from 'node:buffer';
import { parseDocument, type YAMLParseError } from 'yaml';

import { isMapping } from '../defaults.ts';
import { breaksStructure, explainYamlError } from './yaml-errors.ts';
import { readTree, type Tree } from './yaml-tree.ts';

/** The most that a spec may have, in bytes of UTF-8: 1 MiB. */
const MAX_BYTES = 1_048_576;

/** More errors of syntax than these are counted, but not listed. */
const MAX_ERRORS = 20;

const PRINT_CONFIG = '`palette-keys init --print-config` writes one with comments.';

// biome-ignore lint/suspicious/noControlCharactersInRegex: what is looked for (YAML 1.2.2, section 5.1)
const NOT_TEXT = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/** A mistake in the file as such; `at` is an offset into the text. */
export interface SourceMistake {
  readonly at: number;
  readonly message: string;
  readonly remedy?: string;
}

export interface YamlSource {
  /** A mapping; undefined where the file is too broken to say what it holds. */
  readonly tree: Tree | undefined;
  readonly mistakes: readonly SourceMistake[];
}

/** Reads one YAML 1.2 document that is a mapping. Never throws: what is wrong with the text is among the mistakes. */
export function readYaml(text: string): YamlSource {
  const unreadable = whyUnreadable(text);
  if (unreadable !== undefined) return { tree: undefined, mistakes: [unreadable] };

  const document = parseDocument(text, {
    logLevel: 'error', // 'silent' would take more than one document without a word
    merge: false,
    prettyErrors: false, // they quote the file
    resolveKnownTags: false,
    schema: 'core', // whatever a %YAML directive says
    uniqueKeys: false, // compares each key with each; readTree does it in one pass
  });
  const mistakes = explainErrors(document.errors);
  if (document.errors.some(breaksStructure)) return { tree: undefined, mistakes };

  const tree = document.contents === null ? undefined : readTree(document.contents);
  const isEmpty = tree === undefined || tree.root.value === null;
  if (!isEmpty && isMapping(tree.root.value)) return { tree, mistakes };
  const message = isEmpty ? 'the file is empty' : 'the file must hold a mapping: lines of the form "key: value"';
  return { tree: undefined, mistakes: [...mistakes, { at: tree?.root.at ?? 0, message, remedy: PRINT_CONFIG }] };
}

/** The first of them: what comes after is mostly their consequence. */
function explainErrors(errors: readonly YAMLParseError[]): SourceMistake[] {
  const mistakes = errors.map((error) => ({ at: error.pos[0], message: `not valid YAML: ${explainYamlError(error)}` }));
  mistakes.sort((a, b) => a.at - b.at);
  const [next] = mistakes.splice(MAX_ERRORS);
  const more = errors.length - MAX_ERRORS;
  return next === undefined
    ? mistakes
    : [...mistakes, { at: next.at, message: `not valid YAML in ${more} more places` }];
}

function whyUnreadable(text: string): SourceMistake | undefined {
  if (text.length > MAX_BYTES || Buffer.byteLength(text) > MAX_BYTES) {
    return { at: 0, message: `the file has more than 1 MiB (${MAX_BYTES} bytes)`, remedy: 'Is it the right file?' };
  }
  const found = NOT_TEXT.exec(text);
  if (found === null) return undefined;
  return { at: found.index, message: 'the file holds a control character: it must be text in UTF-8' };
}
