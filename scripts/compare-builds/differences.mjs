// Where two builds differ in what they did with the same commands.
import { diff } from 'node:util';
import { placeholders } from './placeholders.mjs';

const MOST_LINES = 40;
const WIDTH = 160;
const CONTEXT = 2;

/** `{ command, part, excerpt }` of each difference. Of states only the first that differs: later ones follow from it. */
export function differencesBetween(before, after, { versions, folders, counted }) {
  const [old, fresh] = [before, after].map((commands, i) =>
    comparable(commands, { versions, folder: folders[i], counted }),
  );
  const found = [];
  for (let i = 0; i < Math.max(old.length, fresh.length); i += 1) {
    for (const part of ['exit code', 'stdout', 'stderr', 'state']) {
      const [was, is] = [old[i]?.[part] ?? '', fresh[i]?.[part] ?? ''];
      const isKnown = part === 'state' && found.some((difference) => difference.part === 'state');
      if (was !== is && !isKnown) found.push({ command: (old[i] ?? fresh[i]).line, part, excerpt: excerpt(was, is) });
    }
  }
  return found;
}

/** With placeholders for what is random, numbered over the whole scenario. */
function comparable(commands, { versions, folder, counted }) {
  const replace = placeholders(versions);
  const plain = (text) => replace(text.replaceAll(folder, '/work'));
  return commands.map(({ line, code, stdout, stderr, state }) => ({
    line,
    'exit code': code,
    stdout: plain(counted.output(line, stdout)),
    stderr: plain(counted.output(line, stderr)),
    state: plain(state),
  }));
}

/** As `diff -u` shows it. */
function excerpt(was, is) {
  const changes = diff(was.split('\n'), is.split('\n'));
  const isNear = (i) => changes.slice(Math.max(0, i - CONTEXT), i + CONTEXT + 1).some(([sign]) => sign !== 0);
  const lines = changes.flatMap(([sign, text], i) => {
    if (!isNear(i)) return isNear(i - 1) && i > 0 ? ['  …'] : [];
    return [`${{ [-1]: '+', 0: ' ', 1: '-' }[sign]} ${text.length > WIDTH ? `${text.slice(0, WIDTH)}…` : text}`];
  });
  return lines.length > MOST_LINES
    ? [...lines.slice(0, MOST_LINES - 1), `  … ${lines.length - MOST_LINES + 1} more lines`]
    : lines;
}
