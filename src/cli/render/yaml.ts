import { stringify } from 'yaml';

/** A document as YAML; long texts stay on one line, and what occurs twice is written twice. */
export function toYaml(document: object): string {
  return stringify(document, { lineWidth: 0, aliasDuplicateObjects: false });
}
