import { describe, expect, it, test } from 'vitest';
import { hostFault, isIpAddress, parseHostAndPort } from '../src/host.ts';

const LONG = `${'abcdefghi.'.repeat(25)}abc`;

describe('a host', () => {
  it.each([
    'palette.example.org',
    'localhost',
    'a',
    'A.Example.ORG',
    '3com.example',
    'a--b.example',
    'xn--bcher-kva.example',
    'bücher.example',
    '192.0.2.10',
    '0.0.0.0',
    '2001:db8::10',
    '::1',
    '::ffff:192.0.2.1',
    `${'a'.repeat(63)}.example`,
    LONG,
  ])('%s can be named by a certificate', (host) => {
    expect(hostFault(host, { wildcard: false })).toBeUndefined();
  });

  it.each<[host: string, why: RegExp]>([
    ['', /empty/],
    ['a b', /spaces/],
    ['a\n', /spaces/],
    ['host:8443', /port/],
    ['localhost:4447', /port/],
    ['192.0.2.1:443', /port/],
    ['[::1]:80', /port/],
    ['[::1]', /brackets/],
    ['https://host', /https/],
    ['host/path', /https/],
    ['host.example.', /dot/],
    ['a..b', /empty label/],
    ['.a', /empty label/],
    ['a-.b', /hyphen/],
    ['-a.b', /hyphen/],
    ['a_b.example', /letters, digits/],
    [`${'a'.repeat(64)}.example`, /64 characters/],
    [`${LONG}d`, /254 characters/],
    ['256.1.1.1', /IPv4/],
    ['01.2.3.4', /IPv4/],
    ['1.2.3', /number/],
    ['foo.123', /number/],
    ['foo.0x7f', /number/],
    ['123', /number/],
    ['1:2', /port|IPv6/],
    ['12345::6::7', /IPv6/],
    ['fe80::1%eth0', /IPv6/],
    ['*.example.org', /\*/],
    ['user@host', /letters, digits/],
    ['a\0b', /letters, digits/],
    ['ü..x', /IDNA|empty label/],
  ])('%j is none, with the reason', (host, why) => {
    expect(hostFault(host, { wildcard: false })).toMatch(why);
  });

  it('may begin with a wildcard where that is asked for, as a whole label before a name', () => {
    expect(hostFault('*.example.org', { wildcard: true })).toBeUndefined();
    for (const host of ['*', 'a.*.b', 'a*.example', '*.*.example', '*.192.0.2.1', '*.a..b']) {
      expect(hostFault(host, { wildcard: true }), host).toBeTypeOf('string');
    }
  });
});

describe('a host with its port', () => {
  it.each<[text: string, host: string, port: number]>([
    ['Palette.example.org:443', 'palette.example.org', 443],
    ['192.0.2.1:1', '192.0.2.1', 1],
    ['[2001:db8::1]:65535', '2001:db8::1', 65_535],
  ])('%s is taken apart', (text, host, port) => {
    expect(parseHostAndPort(text)).toEqual({ host, port });
  });

  it.each([
    'host',
    'host:',
    'host:0',
    'host:65536',
    ':443',
    '::1:443',
    '[host]:443',
    '[]:1',
    'a..b:1',
    '256.1.1.1:1',
    'a b:1',
  ])('%j is none', (text) => {
    expect(parseHostAndPort(text)).toBeTypeOf('string');
  });
});

test('an IPv4 address has four numbers from 0 to 255 without leading zeros', () => {
  const addresses = [
    '1.2.3.4',
    '255.255.255.255',
    '256.0.0.1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.04',
    '0x1.2.3.4',
    '1.2.3.4 ',
  ];
  expect(addresses.map(isIpAddress)).toEqual([true, true, ...Array(6).fill(false)]);
});
