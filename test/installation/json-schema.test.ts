// Covers: src/installation/descriptions.ts, src/installation/schema.ts

import { describe, expect, test } from 'vitest';
import { DEFAULTS } from '../../src/installation/defaults.ts';
import { DESCRIPTIONS } from '../../src/installation/descriptions.ts';
import { installationJsonSchema } from '../../src/installation/json-schema.ts';
import { fieldPaths, knownKeys } from '../../src/installation/parse/fields.ts';

interface Node {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly [key: string]: unknown;
}

const schema = installationJsonSchema() as Node;

describe('the JSON Schema', () => {
  test('says what it is, under an id that is no address', () => {
    expect(schema).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: 'urn:palette-keys:installation:v1',
      title: 'palette-keys installation',
      type: 'object',
      required: ['apiVersion', 'kind'],
      additionalProperties: false,
    });
  });

  test('is data: it survives JSON', () => {
    expect(JSON.parse(JSON.stringify(schema))).toStrictEqual(schema);
  });

  test('describes every property and refuses unknown ones, at every depth', () => {
    const silent: string[] = [];
    const open: string[] = [];
    const walk = (node: unknown, path: string): void => {
      if (typeof node !== 'object' || node === null) return;
      const { properties, additionalProperties } = node as Node;
      if (properties !== undefined && additionalProperties !== false) open.push(path);
      for (const [key, inner] of Object.entries(properties ?? {})) {
        if (inner.description === undefined) silent.push(`${path}.${key}`);
      }
      for (const [key, inner] of Object.entries(node)) walk(inner, `${path}.${key}`);
    };
    walk(schema, '');
    expect({ silent, open }).toStrictEqual({ silent: [], open: [] });
  });

  test.each([
    ['namespace', 'hubble-system'],
    ['rootDomain', null],
    ['jwt.algorithm', 'ES256'],
    ['serviceCertificates.services', DEFAULTS.serviceCertificates.services],
    ['hashSalt.census', null],
    ['consumers', []],
  ])('gives %s its default', (field, value) => {
    let node: Node | undefined = schema;
    for (const key of field.split('.')) node = node?.properties?.[key];
    expect(node).toHaveProperty('default', value);
  });

  test('holds the forms and limits that editors can check', () => {
    const text = JSON.stringify(schema);
    expect(text).toContain('"enum":["RS256","PS256","ES256","ES384","EdDSA","HS256","HS512"]');
    expect(text).toContain('"maxItems":1000');
    expect(text).toContain('"pattern":"^[1-9][0-9]*[smhd]$"');
    expect(schema.properties?.['serviceCertificates']?.properties?.['renewAt']).toMatchObject({
      minimum: 0.1,
      maximum: 0.95,
    });
  });
});

test('every field has a description, and nothing else has', () => {
  expect(Object.keys(DESCRIPTIONS).toSorted()).toStrictEqual(fieldPaths().toSorted());
});

test('the keys of a mapping are known by its path', () => {
  expect(knownKeys(['hashSalt', 'census'])).toStrictEqual(['collection', 'kidField']);
  expect(knownKeys(['consumers', 7])).toStrictEqual(['workload', 'object', 'reads', 'reload']);
  expect(knownKeys(['namespace'])).toStrictEqual([]);
  expect(knownKeys(['nothing', 'here'])).toStrictEqual([]);
});
