import { BlockList, isIP, isIPv4 } from 'node:net';
import { kubeconfigInvalid } from './errors.ts';

const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443, 'socks5:': 1080, 'socks5h:': 1080 };

/**
 * `proxy-url` of the kubeconfig, else HTTPS_PROXY (HTTP_PROXY) unless NO_PROXY names the server, by the rules of Go's
 * httpproxy, which kubectl follows: Node's own know no CIDR.
 */
export function chooseProxy(server: URL, given: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
  if (given !== undefined) return parseProxy(given, 'proxy-url');
  const name = server.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const value = env[name] || env[name.toLowerCase()];
  if (!value || isExempt(server, env['NO_PROXY'] || env['no_proxy'] || '')) return undefined;
  return parseProxy(value, name);
}

function portOf(url: URL): number {
  return url.port === '' ? (PORTS[url.protocol] ?? 0) : Number(url.port);
}

/** `[::1]` → `::1`. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** Its address as the agents take it. It may hold a password, so it is never quoted. */
function parseProxy(value: string, source: string): string {
  const url = URL.parse(value.includes('://') ? value : `http://${value}`);
  if (url === null || !(url.protocol in PORTS)) {
    throw kubeconfigInvalid(source, 'it must be an address that begins with http://, https:// or socks5://');
  }
  // Names are resolved at its far end, as kubectl has it done; to client-node's agent, socks5 means: here.
  return url.href.replace(/^socks5:/, 'socks5h:');
}

function isExempt(server: URL, noProxy: string): boolean {
  const host = hostOf(server).toLowerCase().replace(/\.$/, '');
  const port = String(portOf(server));
  if (host === 'localhost' || isLoopback(host)) return true;
  const entries = noProxy.split(',').map((entry) => entry.trim().toLowerCase());
  return entries.some((entry) => entry !== '' && exempts(entry, host, port));
}

function exempts(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return isInSubnet(host, entry);
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(entry);
  const plain = isIP(entry) === 0 ? /^(.*?)(?::(\d+))?$/.exec(entry) : null;
  const [, name = entry, onlyPort = port] = bracketed ?? plain ?? [];
  if (onlyPort !== port || name === '') return false;
  if (isIP(name) !== 0) return isInSubnet(host, `${name}/${isIPv4(name) ? 32 : 128}`);
  // `*.example.org` and `.example.org` mean what is below it, `example.org` means it and what is below it.
  const domain = name.replace(/^\*\./, '.');
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

function isInSubnet(host: string, cidr: string): boolean {
  const [net = '', length = ''] = cidr.split('/');
  const family = isIP(net);
  if (isIP(host) === 0 || family === 0 || !/^\d{1,3}$/.test(length) || Number(length) > (family === 4 ? 32 : 128)) {
    return false;
  }
  const list = new BlockList();
  list.addSubnet(net, Number(length), family === 4 ? 'ipv4' : 'ipv6');
  return list.check(host, isIPv4(host) ? 'ipv4' : 'ipv6');
}

function isLoopback(host: string): boolean {
  return isInSubnet(host, '127.0.0.0/8') || isInSubnet(host, '::1/128');
}
