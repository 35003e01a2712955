import type { RewrapResult } from '../../apply/rewrap.ts';
import type { TenantScan } from '../../apply/scan-tenants.ts';
import { tenantFindings } from '../../apply/tenant-findings.ts';
import type { Palette } from './palette.ts';
import { wrap } from './table.ts';

type Failures = TenantScan['failures'];

/** What a run on tenants did or found. */
export type TenantsShown =
  | {
      readonly verb: 'add';
      readonly added: readonly string[];
      readonly existing: readonly string[];
      readonly dryRun: boolean;
    }
  | {
      readonly verb: 'remove';
      readonly removed: readonly string[];
      readonly missing: readonly string[];
      readonly file?: string;
      readonly dryRun: boolean;
    }
  | {
      readonly verb: 'verify';
      readonly counts: Omit<TenantScan, 'failures'>;
      readonly failures: Failures;
    };

export function renderTenants(shown: TenantsShown, location: string, paint: Palette): string {
  if (shown.verb === 'add') {
    const { added, existing, dryRun } = shown;
    return `${dryRun ? 'Would be added' : 'Added'} in ${location}: ${added.length} tenants; ${existing.length} were there.\n`;
  }
  if (shown.verb === 'remove') {
    const { removed, missing, file, dryRun } = shown;
    const kept = file === undefined ? '' : `; their documents are in ${file}`;
    return `${dryRun ? 'Would be removed' : 'Removed'} from ${location}: ${removed.length} tenants${kept}; ${missing.length} were not there.\n`;
  }
  const { counts, failures } = shown;
  const byKid = Object.entries(counts.byKid).map(([kid, count]) => `${count} by ${kid}`);
  const faults = counts.malformed + counts.unopenable;
  const wrapped = byKid.length === 0 ? '' : ` wrapped ${byKid.join(', ')}`;
  const sum = `${counts.total} tenants in ${location}:${wrapped}${faults === 0 ? '; every key opens' : `; ${faults} cannot be used`}.\n`;
  return `${sum}${renderFailures(failures, paint)}`;
}

export function renderRewrap(
  result: RewrapResult & { readonly shard: string; readonly dryRun: boolean },
  location: string,
  paint: Palette,
): string {
  const { due, rewrapped, overtaken, remaining, rate, failures, dryRun, total, activeKid } = result;
  if (failures.length > 0 && rewrapped === 0) {
    return `Nothing was written in ${location}: some of ${total} tenant keys cannot be opened.\n${renderFailures(failures, paint)}`;
  }
  if (due === 0 && rewrapped === 0) return `Nothing to do in ${location}: all of it is wrapped by ${activeKid}.\n`;
  if (dryRun)
    return `Would be wrapped by ${activeKid} in ${location}: ${due} of ${total} tenant keys; every key opens.\n`;
  const rest = [
    overtaken > 0 ? `; ${overtaken} were changed by others meanwhile` : '',
    remaining > 0 ? `; ${remaining} remain, for others keep wrapping by an old root key` : '',
  ];
  return `Wrapped by ${activeKid} in ${location}: ${rewrapped} tenant keys, ${rate}/s${rest.join('')}.\n${renderFailures(failures, paint)}`;
}

function renderFailures(failures: Failures, paint: Palette): string {
  return tenantFindings(failures)
    .map(
      ({ code, subject, message, remedy }) =>
        wrap(`- ${paint.error(code)} ${subject}: ${message}`, 2) + wrap(`→ ${remedy}`, 4),
    )
    .join('');
}
