/** A mapping as it is to be written, in this order. */
export type Block = readonly (readonly [key: string, value: string | true | Block])[];

/**
 * One document, without a `---`; the same block always gives the same text. Not by the `yaml` package, which takes a
 * tenth of a second for the files of one installation. kubectl reads YAML 1.1, where `no` is a boolean, 12:30 may be a
 * number and U+2028 ends a line; ours reads YAML 1.2.
 */
export function writeYaml(block: Block, indent = ''): string {
  return block.map(([key, value]) => `${indent}${inline(key)}:${written(value, `${indent}  `)}\n`).join('');
}

function written(value: string | true | Block, indent: string): string {
  if (value === true) return ' true';
  if (typeof value !== 'string') return value.length === 0 ? ' {}' : `\n${writeYaml(value, indent).slice(0, -1)}`;
  return ` ${!isPlain(value) && isLiteral(value) ? literal(value, indent) : inline(value)}`;
}

function inline(text: string): string {
  return isPlain(text) ? text : doubleQuoted(text);
}

/** A letter first: what begins otherwise may be a number, a date or an indicator to one reader or the other. */
function isPlain(text: string): boolean {
  return /^[A-Za-z][\w./+=,@-]*$/.test(text) && !/^(?:y|yes|n|no|on|off|true|false|null)$/i.test(text);
}

/** Lines of printable characters, with nothing at their beginning or end that block scalars treat specially. */
function isLiteral(text: string): boolean {
  if (!/^[\n\x20-\x7e\u{a0}-\u{2027}\u{202a}-\u{fefe}\u{ff00}-\u{fffd}\u{10000}-\u{10ffff}]*$/u.test(text))
    return false;
  return text.includes('\n') && !/^[ \n]|\n\n$|(?:^|\n) +(?:\n|$)/.test(text);
}

function literal(text: string, indent: string): string {
  const [chomping, body] = text.endsWith('\n') ? ['', text.slice(0, -1)] : ['-', text];
  return `|${chomping}\n${indent}${body.replace(/\n(?!\n)/g, `\n${indent}`)}`;
}

/** JSON's escapes are YAML's too; JSON leaves alone what YAML 1.1 takes for control characters or line ends. */
function doubleQuoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\x7f-\x9f\u{2028}\u{2029}\u{feff}\u{fffe}\u{ffff}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
