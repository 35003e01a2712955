/** IPv6 addresses have many spellings; the URL parser knows the one of RFC 5952. IPv4 addresses stay as they are. */
export function canonicalIp(address: string): string {
  return address.includes(':') ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}
