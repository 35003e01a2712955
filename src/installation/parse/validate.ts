import type { InstallationSpec } from '../spec.ts';
import { checkSpec } from './check.ts';
import { specInvalid, toDetail } from './spec-invalid.ts';
import { splitUnknown, withUnknown } from './unknown-fields.ts';

/**
 * Checks and completes a spec that is data already; unknown fields of a recorded one are kept. Apart from parseSpec, so
 * that reading a record loads no YAML parser. Throws SPEC_INVALID.
 */
export function validateSpec(value: unknown, source: string, isRecorded = false): InstallationSpec {
  const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
  const { known, unknown } = isMapping && isRecorded ? splitUnknown(value) : { known: value, unknown: [] };
  const checked = isMapping
    ? checkSpec(known as object, isRecorded)
    : { mistakes: [{ path: [], message: 'must be a mapping' }] };
  if (checked.mistakes === undefined) return withUnknown(checked.spec, unknown);
  const details = checked.mistakes.map(toDetail);
  throw specInvalid(
    source,
    details.map((detail) => ({ ...detail, message: `${source}: ${detail.message}` })),
  );
}
