/** Commands on the folder `keys`: of `status -o json` it makes `status --dir keys -o json`. */
export function onKeys(...lines) {
  return lines.map((line) => line.replace(/^\S+/, '$& --dir keys'));
}

/** The same of `rotate` for a kind of key, with these flags each. */
export function rotating(kind, ...flags) {
  return onKeys(...flags.map((flag) => `rotate ${kind} ${flag}`));
}

/** The operator's word for the record as it is then. */
export const WORD = '--assume-consumers-current={generation}';
