import { tenantFindings } from '../../tenants/findings.ts';
import type { RewrapResult } from '../../tenants/rewrap.ts';
import type { TenantScan } from '../../tenants/scan.ts';
import type { Palette } from '../render/palette.ts';
import { wrap } from '../render/table.ts';

type Failures = TenantScan['failures'];

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
    const what = dryRun ? 'Would be added' : 'Added';
    return wrap(`${what} in ${location}: ${added.length} tenants; ${existing.length} were there.`, 0);
  }
  if (shown.verb === 'remove') {
    const { removed, missing, file, dryRun } = shown;
    const kept = file === undefined ? '' : `; their documents are in ${file}`;
    const what = dryRun ? 'Would be removed' : 'Removed';
    return wrap(`${what} from ${location}: ${removed.length} tenants${kept}; ${missing.length} were not there.`, 0);
  }
  const { counts, failures } = shown;
  const byKid = Object.entries(counts.byKid).map(([kid, count]) => `${count} by ${kid}`);
  const faults = counts.malformed + counts.unopenable;
  const wrapped = byKid.length === 0 ? '' : ` wrapped ${byKid.join(', ')}`;
  const sum = `${counts.total} tenants in ${location}:${wrapped}${faults === 0 ? '; every key opens' : `; ${faults} cannot be used`}.`;
  return `${wrap(sum, 0)}${renderFailures(failures, paint)}`;
}

export function renderRewrap(
  result: RewrapResult & { readonly shard: string; readonly dryRun: boolean },
  location: string,
  paint: Palette,
): string {
  const { due, rewrapped, overtaken, remaining, rate, failures, dryRun, total, activeKid } = result;
  if (failures.length > 0 && rewrapped === 0) {
    const sum = `Nothing was written in ${location}: some of ${total} tenant keys cannot be opened.`;
    return `${wrap(sum, 0)}${renderFailures(failures, paint)}`;
  }
  if (due === 0 && rewrapped === 0)
    return wrap(`Nothing to do in ${location}: all of it is wrapped by ${activeKid}.`, 0);
  if (dryRun)
    return wrap(`Would be wrapped by ${activeKid} in ${location}: ${due} of ${total} tenant keys; every key opens.`, 0);
  const rest = [
    overtaken > 0 ? `; ${overtaken} were changed by others meanwhile` : '',
    remaining > 0 ? `; ${remaining} remain, for others keep wrapping by an old root key` : '',
  ];
  const sum = `Wrapped by ${activeKid} in ${location}: ${rewrapped} tenant keys, ${rate}/s${rest.join('')}.`;
  return `${wrap(sum, 0)}${renderFailures(failures, paint)}`;
}

function renderFailures(failures: Failures, paint: Palette): string {
  return tenantFindings(failures)
    .map(
      ({ code, subject, message, remedy }) =>
        wrap(`- ${paint.error(code)} ${subject}: ${message}`, 2) + wrap(`→ ${remedy}`, 4),
    )
    .join('');
}
