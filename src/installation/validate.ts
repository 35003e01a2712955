import { checkSpec } from './check.ts';
import type { InstallationSpec } from './spec.ts';
import { specInvalid, toDetail } from './spec-invalid.ts';

/**
 * Checks and completes a spec that is data already, as the one in an installation's record (`isRecorded`). It stands apart from
 * parseSpec, so that who reads a record need not load a YAML parser.
 * @throws PaletteKeysError SPEC_INVALID, whose details list every mistake as `<source>: <field>: <what is wrong>`.
 */
export function validateSpec(value: unknown, source: string, isRecorded = false): InstallationSpec {
  const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
  const checked = isMapping ? checkSpec(value, isRecorded) : { mistakes: [{ path: [], message: 'must be a mapping' }] };
  if (checked.mistakes === undefined) return checked.spec;
  const details = checked.mistakes.map(toDetail);
  throw specInvalid(
    source,
    details.map((detail) => ({ ...detail, message: `${source}: ${detail.message}` })),
  );
}
