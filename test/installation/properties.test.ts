import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { PaletteKeysError } from '../../src/errors.ts';
import { diffSpecs } from '../../src/installation/diff.ts';
import { mongodbDnsNames } from '../../src/installation/host-names.ts';
import { ledgerName, parseLedgerName } from '../../src/installation/ledger-name.ts';
import { allNamespaces, leafSecret } from '../../src/installation/names.ts';
import { validateSpec } from '../../src/installation/parse/validate.ts';
import { renderTemplate } from '../../src/installation/template.ts';
import { processorTime } from '../support/processor-time.ts';
import { parsed } from './parsed.ts';

const SEED = 20_261_122;

/** Text that means something to YAML, to JavaScript or to the schema. */
const SNIPPETS = [
  ...[
    '\t',
    ' ',
    '\n',
    '\r',
    '\r\n',
    '- ',
    ': ',
    '? ',
    '{',
    '}',
    '[',
    ']',
    ',',
    '"',
    "'",
    '|\n',
    '>-\n',
    '#',
    '%YAML 1.1\n',
  ],
  ...[
    '---\n',
    '...\n',
    '&a ',
    '*a',
    '<<: *a\n',
    '!!js/function ',
    '! ',
    '!<tag:x> ',
    '\0',
    '\u001b',
    '\uFEFF',
    '\u2028',
  ],
  ...[
    '\ud800',
    'é',
    '__proto__: 1\n',
    'constructor: {}\n',
    'null',
    '~',
    '.nan',
    '-.inf',
    '1e999',
    '0x10',
    '9'.repeat(400),
  ],
  ...[
    'namespace: 1\n',
    'jwt: []\n',
    'services: 3\n',
    '\\x',
    '\\ud800',
    '[[[[[[[[',
    '{a: {a: {a: ',
    '- - - - - ',
    'a'.repeat(300),
  ],
];

/** Puts a snippet in, takes a piece out, writes a piece twice, or swaps two pieces. */
const mutation = fc.record({
  what: fc.constantFrom('insert', 'delete', 'repeat', 'swap'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 2000 })),
  snippet: fc.constantFrom(...SNIPPETS),
});

type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutate(text: string, { what, at, length, snippet }: Mutation): string {
  const start = Math.floor(at * text.length);
  const [before, piece, after] = [text.slice(0, start), text.slice(start, start + length), text.slice(start + length)];
  if (what === 'insert') return before + snippet + piece + after;
  if (what === 'delete') return before + after;
  return what === 'repeat' ? before + piece + piece + after : after + piece + before;
}

test('whatever is done to the template, it is a spec or a list of mistakes, in little time', () => {
  const template = renderTemplate();
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 6 }), (mutations) => {
      const text = mutations.reduce(mutate, template);
      const used = processorTime();
      try {
        expect(parsed(text, 'f')).toHaveProperty('kind', 'Installation');
      } catch (error) {
        if (!(error instanceof PaletteKeysError)) throw error;
        expect(error.code).toBe('SPEC_INVALID');
        expect(error.details.length).toBeGreaterThan(0);
        const lines = text.split('\n').length;
        for (const { message } of error.details) {
          const [, line, column] = /^f:(\d+):(\d+): [^\n]+$/.exec(message) ?? [];
          expect(Number(line), message).toBeGreaterThan(0);
          expect(Number(line), message).toBeLessThanOrEqual(lines);
          expect(Number(column), message).toBeGreaterThan(0);
        }
      }
      expect(used()).toBeLessThan(2000);
    }),
    { seed: SEED, numRuns: 150 },
  );
});

test('any text at all is a spec or a list of mistakes', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...SNIPPETS)).map((all) => all.join('')),
  );
  fc.assert(
    fc.property(anything, (text) => {
      expect(() => parsed(text, 'f')).toThrow(PaletteKeysError);
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test('any data at all is a spec or a list of mistakes', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json().map((json) => JSON.parse(json) as unknown),
        fc.anything(),
      ),
      (value) => {
        expect(() => validateSpec(value, 'f')).toThrow(PaletteKeysError);
      },
    ),
    { seed: SEED, numRuns: 300 },
  );
});

const labelText = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,20}[a-z0-9])?$/);
const duration = (min: number, max: number) =>
  fc.tuple(fc.integer({ min, max }), fc.constantFrom('s', 'm', 'h', 'd')).map(([n, unit]) => `${n}${unit}`);
const dnsName = fc
  .array(
    labelText.map((label) => `n${label}`),
    { minLength: 1, maxLength: 3 },
  )
  .map((all) => all.join('.'));
const wildcard = fc.tuple(fc.constantFrom('', '*.'), dnsName).map((parts) => parts.join(''));
const namespace = labelText.map((label) => `n-${label}`);

const service = fc.record(
  {
    name: labelText,
    namespace,
    dnsNames: fc.array(wildcard, { maxLength: 3 }),
    ipAddresses: fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { maxLength: 3 }),
  },
  { requiredKeys: ['name'] },
);

/** Specs that are right, with some of their fields left out. */
const someSpec = fc.record(
  {
    apiVersion: fc.constant('palette-keys/v1'),
    kind: fc.constant('Installation'),
    namespace,
    ledgerNamespace: labelText.map((label) => `ledger-${label}`),
    namePrefix: fc.stringMatching(/^(?:[a-z0-9][a-z0-9-]{0,20})?$/),
    clusterDomain: dnsName,
    rootDomain: fc.option(dnsName),
    jwt: fc.record(
      {
        algorithm: fc.constantFrom('RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'HS256', 'HS512'),
        longestTokenLife: duration(1, 36_500),
        jwksCache: duration(1, 36_500),
      },
      { requiredKeys: [] },
    ),
    tenantKeys: fc.record({ bits: fc.constantFrom(64, 128, 192, 256) }),
    hashSalt: fc.record({ census: fc.option(fc.constant({ collection: 'users', kidField: 'a.b' })) }),
    internalCA: fc.record({ keySize: fc.constantFrom(2048, 3072, 4096), validity: fc.constantFrom('3650d', '9000h') }),
    serviceCertificates: fc.record(
      {
        renewAt: fc.double({ min: 0.1, max: 0.95, noNaN: true }),
        // Names as long as these cannot be those of the platform itself.
        services: fc.uniqueArray(
          service.map((one) => ({ ...one, name: `service-${one.name}` })),
          {
            selector: ({ name }) => name,
            maxLength: 8,
          },
        ),
      },
      { requiredKeys: [] },
    ),
    mongodb: fc.record({ members: fc.integer({ min: 1, max: 50 }), uri: fc.constantFrom(null, 'mongodb://a:1,b/') }),
    ingress: fc.record({ namespace, secretName: labelText.map((label) => `ingress.${label}`) }),
    rotation: fc.record({ syncPeriod: duration(1, 36_500) }),
  },
  { requiredKeys: ['apiVersion', 'kind'] },
);

test('a spec that is right survives YAML, and is complete the first time', () => {
  fc.assert(
    fc.property(someSpec, fc.boolean(), (given, asFlow) => {
      const spec = parsed(stringify(given, asFlow ? { collectionStyle: 'flow' } : {}), 'f');
      expect(spec).toMatchObject(given);
      expect(parsed(stringify(spec), 'f')).toStrictEqual(spec);
      expect(validateSpec(JSON.parse(JSON.stringify(spec)), 'f')).toStrictEqual(spec);
      expect(diffSpecs(spec, validateSpec(given, 'f'))).toStrictEqual([]);
    }),
    { seed: SEED, numRuns: 150 },
  );
});

test('all names of a spec that is right are names that Kubernetes and DNS take', () => {
  const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
  fc.assert(
    fc.property(someSpec, fc.integer({ min: 1, max: 1e9 }), (given, n) => {
      const spec = validateSpec(given, 'f');
      const name = ledgerName(spec, 'message-bus-system-account', n);
      expect(parseLedgerName(spec, name)).toStrictEqual({ kind: 'message-bus-system-account', n });
      const names = [
        name,
        ...spec.serviceCertificates.services.map((one) => leafSecret(one).name),
        ...mongodbDnsNames(spec),
      ];
      for (const one of names) {
        expect(one).toMatch(subdomain);
        expect(one.length).toBeLessThanOrEqual(253);
      }
      expect(allNamespaces(spec)).toContain(spec.ledgerNamespace);
    }),
    { seed: SEED, numRuns: 100 },
  );
});
