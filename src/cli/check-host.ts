import { usageError } from '../errors.ts';
import { hostFault } from '../host.ts';

/** Throws USAGE, with the reason, for what is neither a host name nor an IP address. */
export function checkHost(text: string, allows: { readonly wildcard: boolean }): void {
  const fault = hostFault(text, allows);
  if (fault === undefined) return;
  const shown = JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
  throw usageError(
    `${shown} is neither a host name nor an IP address: ${fault}`,
    'give a name as in palette.example.org, or an address as in 192.0.2.10 or 2001:db8::10',
  );
}
