// What a later build may do differently, if one says so with --allow; without the flag everything counts.
//
//   record    the record's schemaVersion and the evidence of its keys. Where a later build goes on with what an earlier
//             one made, its `init` migrates the record and `status` says so: then neither what they print counts nor the
//             audit log, which has a line more
//   dry-run   what `rotate --dry-run`, `--explain` and `--plan` print, and the steps that follow the first one in the question
//             before a change: they may show more steps

export const ALLOWANCES = ['record', 'dry-run'];

/** What counts of a command's output, of a record and of an audit log in this scenario. */
export function countedIn({ continued = false }, allowed) {
  const mayMigrate = allowed.includes('record');
  const mayBeLonger = mayMigrate && continued;
  const isAllowed = (line) =>
    (allowed.includes('dry-run') && /^rotate .*--(dry-run|explain|plan)\b/.test(line)) ||
    (mayBeLonger && /^(init|status)\b/.test(line));
  return {
    output: (line, text) => {
      if (isAllowed(line)) return '';
      const shown =
        allowed.includes('dry-run') && /^rotate\b/.test(line) ? text.replaceAll(/^ {2}- then .*\n/gm, '') : text;
      return mayMigrate ? shown.replaceAll(/(?<=up\s+to )\d+/g, 'N') : shown;
    },
    record: (record) => (mayMigrate ? withoutShape(record, mayBeLonger) : record),
    audit: (lines) => (mayBeLonger ? [] : lines),
  };
}

function withoutShape({ schemaVersion, audit, keys, ...record }, mayBeLonger) {
  const kinds = Object.entries(keys).map(([kind, { evidence, ...key }]) => [kind, key]);
  return { ...record, ...(mayBeLonger ? {} : { audit }), keys: Object.fromEntries(kinds) };
}
