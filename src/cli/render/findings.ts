import type { Finding, Severity } from '../../reconcile/plan/findings/finding.ts';
import type { Palette } from './palette.ts';
import { wrap } from './table.ts';

/** Of any part of the program: they have one form. */
type AnyFinding = Omit<Finding, 'code'> & { readonly code: string };

const ORDER: readonly Severity[] = ['error', 'warning', 'info'];

/** Findings for people, the worst first: severity, code and subject, then what it means, then what helps. */
export function renderFindings(findings: readonly AnyFinding[], paint: Palette): string {
  return ORDER.flatMap((severity) => findings.filter((finding) => finding.severity === severity))
    .map(({ severity, code, subject, message, remedy }) => {
      const head = `${paint[severity](severity)} ${paint.strong(code)}\n`;
      return `${head}${wrap(subject, 2)}${wrap(message, 2)}${wrap(`→ ${remedy}`, 2)}`;
    })
    .join('');
}

/** `2 errors, 1 warning`, or an empty text. */
export function countFindings(findings: readonly AnyFinding[]): string {
  return ORDER.flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return count === 0 ? [] : [`${count} ${severity}${count === 1 ? '' : 's'}`];
  }).join(', ');
}
