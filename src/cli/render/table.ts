export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

/** The last column is not padded. `widths`: those of the rows above, in a table in pieces; this widens them. */
export function table(rows: readonly (readonly (string | Cell)[])[], indent = 0, widths: number[] = []): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'string' ? { text: cell } : cell)));
  for (const row of cells) {
    row.forEach(({ text }, column) => {
      widths[column] = Math.max(widths[column] ?? 0, text.length);
    });
  }
  const lines = cells.map((row) => {
    const padded = row.map(({ text, paint }, column) => {
      const filled = column === row.length - 1 ? text : text.padEnd(widths[column] ?? 0);
      return paint === undefined ? filled : filled.replace(text, () => paint(text));
    });
    return `${' '.repeat(indent)}${padded.join('  ').trimEnd()}\n`;
  });
  return lines.join('');
}

/** Text broken at spaces into lines of at most `width`, each `indent` in. */
export function wrap(text: string, indent: number, width = 80): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width - indent)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => `${' '.repeat(indent)}${line}\n`).join('');
}
