// Covers: src/adapters/directory/yaml/read-yaml.ts, src/adapters/directory/yaml/write-manifest.ts
// Covers: src/adapters/directory/yaml/write-yaml.ts

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readManifest } from '../../../../src/adapters/directory/yaml/read-manifest.ts';
import { writeManifest } from '../../../../src/adapters/directory/yaml/write-manifest.ts';
import { DamagedError } from '../../../../src/errors.ts';
import type { NewObject } from '../../../../src/ports/key-store.ts';
import type { ObjectRef } from '../../../../src/ports/object-ref.ts';
import { configMap, secret } from '../workspace.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (object: NewObject): string => new TextDecoder().decode(writeManifest(object));

const LEAF = secret('palette-auth-tls', {
  type: 'kubernetes.io/tls',
  immutable: true,
  labels: { 'palette-keys.dev/kind': 'service', 'app.kubernetes.io/managed-by': 'palette-keys' },
  annotations: { 'palette-keys.dev/version': '0.1.0', 'palette-keys.dev/generation': '7' },
  data: { 'tls.key': bytes('key'), 'tls.crt': bytes('leaf certificate') },
});

describe('a manifest as it is written', () => {
  test('a Secret has its fields in order, entries sorted, base64 on one line', () => {
    expect(text(LEAF)).toBe(`apiVersion: v1
kind: Secret
metadata:
  name: palette-auth-tls
  namespace: team
  labels:
    app.kubernetes.io/managed-by: palette-keys
    palette-keys.dev/kind: service
  annotations:
    palette-keys.dev/generation: "7"
    palette-keys.dev/version: "0.1.0"
type: kubernetes.io/tls
immutable: true
data:
  tls.crt: bGVhZiBjZXJ0aWZpY2F0ZQ==
  tls.key: a2V5
`);
  });

  test('a ConfigMap has lines where its text has lines, and quotes where readers could differ', () => {
    const object = configMap('palette-jwks', '');
    const data = {
      'jwks.json': bytes('{\n  "keys": []\n}\n'),
      bare: bytes('a\nb'),
      no: bytes('off'),
      empty: bytes(''),
    };
    expect(text({ ...object, labels: {}, data })).toBe(`apiVersion: v1
kind: ConfigMap
metadata:
  name: palette-jwks
  namespace: team
data:
  bare: |-
    a
    b
  empty: ""
  jwks.json: |
    {
      "keys": []
    }
  "no": "off"
`);
  });

  test('the order in which fields were given makes no difference', () => {
    const reversed = Object.fromEntries(Object.entries(LEAF.data).reverse());
    expect(text({ ...LEAF, data: reversed })).toBe(text(LEAF));
  });

  test.each([
    ['more than 1 MiB', secret('palette-a', { data: { key: new Uint8Array(1024 * 1024 + 1) } })],
    ['a text that is more than 1.5 MiB once it is escaped', configMap('palette-a', '\u0000'.repeat(400_000))],
    ['a ConfigMap that is not UTF-8', { ...configMap('palette-a', ''), data: { text: new Uint8Array([0xff]) } }],
    ['a ConfigMap with a type', { ...configMap('palette-a', ''), type: 'Opaque' }],
    ['an entry that Kubernetes would refuse', secret('palette-a', { data: { 'a/b': bytes('') } })],
  ])('%s is a fault of the caller', (_, object) => {
    expect(() => writeManifest(object)).toThrow();
  });

  test('whatever the text, it is read back as it was', () => {
    const any = fc.string({
      unit: fc.constantFrom(...'ab \n\r\t:#-|>\'"\\{}[]&*!%@`?,0.~=\u0000\u0085\u2028\ufeff\u{1f511}é'),
      maxLength: 30,
    });
    fc.assert(
      fc.property(any, fc.dictionary(fc.stringMatching(/^[a-z0-9][a-z0-9.]{0,9}$/), any), (label, values) => {
        const data = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, bytes(value)]));
        const object = { ...configMap('palette-a', ''), data, annotations: { note: label, ...values } };
        expect(readManifest(object.ref, writeManifest(object))).toEqual(object);
      }),
      { numRuns: 300 },
    );
  });

  test('a plain scalar is one for every reader: a letter first, and no word of YAML 1.1', () => {
    const values = [
      'y',
      'NO',
      'On',
      'null',
      '~',
      '1e3',
      '0b11',
      '1_000',
      '12:30',
      '2026-01-02',
      '.inf',
      '=',
      '<<',
      '-',
      'a: b',
      'a #b',
    ];
    const written = text({
      ...configMap('palette-a', ''),
      data: Object.fromEntries(values.map((value, n) => [`v${n}`, bytes(value)])),
    });
    for (const value of values) expect(written).toContain(`: ${JSON.stringify(value)}\n`);
  });
});

describe('a manifest that means the same is read as the same', () => {
  test.each<[string, (written: string) => string]>([
    ['comments and a document mark', (written) => `# mine\n---\n${written.replace('type:', '# why\ntype:')}...\n`],
    ['Windows line ends', (written) => written.replaceAll('\n', '\r\n')],
    ['a byte order mark', (written) => `\ufeff${written}`],
    ['another order', (written) => written.replace(/^(apiVersion: v1\n)(.*)/s, '$2$1')],
    ['quotes', (written) => written.replace('a2V5', '"a2V5"').replace('v1', "'v1'")],
    ['JSON', () => JSON.stringify(asJson)],
    [
      'flow style',
      (written) =>
        `${written.slice(0, written.indexOf('\ndata:'))}\ndata: {tls.key: a2V5, tls.crt: bGVhZiBjZXJ0aWZpY2F0ZQ==}\n`,
    ],
    [
      'what kubectl adds',
      (written) =>
        written.replace(
          '  name:',
          '  creationTimestamp: null\n  uid: 8f\n  resourceVersion: "12"\n  managedFields:\n  - manager: x\n  name:',
        ),
    ],
    ['null fields', (written) => `${written}stringData: null\n`],
    ['folded base64', (written) => written.replace('bGVhZiBjZXJ0aWZpY2F0ZQ==', '>-\n    bGVhZiBjZXJ0aWZpY2F0ZQ==')],
  ])('%s', (_, change) => {
    expect(readManifest(LEAF.ref, bytes(change(text(LEAF))))).toEqual(LEAF);
  });

  test('a Secret without type is Opaque, and one without immutable or data has none', () => {
    const read = readManifest(
      secret().ref,
      bytes('{apiVersion: v1, kind: Secret, metadata: {name: palette-key-test-v1, namespace: team}}'),
    );
    expect(read).toEqual(secret('palette-key-test-v1', { labels: {}, data: {} }));
  });
});

const asJson = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: LEAF.ref.name, namespace: 'team', labels: LEAF.labels, annotations: LEAF.annotations },
  type: LEAF.type,
  immutable: true,
  data: { 'tls.key': 'a2V5', 'tls.crt': 'bGVhZiBjZXJ0aWZpY2F0ZQ==' },
};

describe('a manifest that is not what belongs there is damaged', () => {
  const CANARY = 'Q0FOQVJZ';
  const written = text(secret('palette-a', { data: { key: bytes('CANARY') } }));
  const asConfigMap = text(configMap('palette-a', 'CANARY'));
  const table: readonly [string, string, RegExp][] = [
    ['nothing', '', /^is empty/],
    ['comments alone', '# a\n---\n', /^is empty/],
    ['no YAML', `${written}  ${CANARY}: [\n`, /^is not valid YAML \(line \d+, column \d+\)$/],
    ['a scalar', CANARY, /is not a mapping/],
    ['a sequence', `- ${CANARY}`, /is not a mapping/],
    ['another version', written.replace('v1', 'v2'), /apiVersion/],
    ['another kind', written.replace('Secret', 'SealedSecret'), /kind/],
    ['another name', written.replace('palette-a', 'palette-b'), /name than belongs here/],
    ['no name', written.replace('  name: palette-a\n', ''), /has no name/],
    ['another namespace', written.replace('team', 'other'), /namespace than belongs here/],
    ['no namespace', written.replace('  namespace: team\n', ''), /has no namespace/],
    ['no metadata', written.replace(/metadata:\n( .*\n)+/, ''), /metadata is not a mapping/],
    ['an entry twice', `${written}  key: ${CANARY}\n`, /data has a key twice \(line 11, column 3\)/],
    ['a field twice', `${written}kind: Secret\n`, /the document has a key twice/],
    ['a second document', `${written}---\n${written}`, /several documents/],
    ['stringData', `${written}stringData: {a: ${CANARY}}\n`, /stringData/],
    ['an unknown field', `${written}${CANARY}: a\n`, /a field that does not belong there/],
    ['an unknown field of metadata', written.replace('  name:', '  finalizers: []\n  name:'), /metadata has a field/],
    ['base64 that lost a character', written.replace(CANARY, CANARY.slice(1)), /not base64/],
    ['base64 of another alphabet', written.replace(CANARY, 'Q0FO_VJZ'), /not base64/],
    ['base64 with stray bits at its end', written.replace(CANARY, 'Q0FOQVJ='), /not base64/],
    ['base64 on two lines', written.replace(CANARY, '|-\n    Q0FO\n    QVJZ'), /not base64/],
    ['base64 that is a number', written.replace(CANARY, '12345678'), /an entry of data is not a string/],
    ['an entry without value', written.replace(CANARY, ''), /an entry of data is not a string/],
    ['an entry that is a mapping', written.replace(CANARY, `{a: ${CANARY}}`), /an entry of data is not a string/],
    ['data that is a string', written.replace(/\ndata:\n.*/, `\ndata: ${CANARY}`), /data is not a mapping/],
    ['an entry that Kubernetes would refuse', written.replace('  key:', '  "k/y":'), /name is not allowed/],
    ['immutable that is a string', `${written}immutable: "true"\n`, /immutable is neither/],
    ['a label that is a number', written.replace(': palette-keys', ': 1'), /a value of labels is not a string/],
    ['an alias', written.replace('name: palette-a', 'name: &a palette-a').replace('palette-keys\n', '*a\n'), /./],
    ['a merge key', written.replace('\ndata:', '\ndata:\n  <<: {a: b}'), /./],
    ['a tag', written.replace(CANARY, `!!binary ${CANARY}`), /is not valid YAML/],
    ['a key that is a mapping', `? {a: b}\n: c\n${written}`, /./],
    ['a List', 'apiVersion: v1\nkind: List\nitems: []\n', /kind/],
    ['a tab as indentation', written.replace('  key', '\tkey'), /is not valid YAML/],
    ['nesting without end', '['.repeat(100_000), /is not valid YAML/],
  ];

  test.each(table)('%s', (_, content, reason) => {
    const thrown = damageOf(secret('palette-a').ref, bytes(content));
    expect(thrown).toMatch(reason);
    expect(thrown).not.toContain(CANARY);
    expect(thrown).not.toContain('CANARY');
  });

  test.each<[string, string, RegExp]>([
    ['binaryData', `${asConfigMap}binaryData: {a: ${CANARY}}\n`, /binaryData/],
    ['a type', `${asConfigMap}type: Opaque\n`, /a field that does not belong there/],
    ['a number', asConfigMap.replace('CANARY', '17'), /an entry of data is not a string/],
  ])('a ConfigMap with %s', (_, content, reason) => {
    expect(damageOf(configMap('palette-a', '').ref, bytes(content))).toMatch(reason);
  });

  test('bytes that are no UTF-8', () => {
    expect(damageOf(secret('palette-a').ref, new Uint8Array([...bytes(written), 0xff]))).toBe('is not UTF-8');
  });

  test('whatever byte is changed, lost or added, it is read or found to be damaged', () => {
    const objects = [LEAF, secret(), configMap('palette-jwks', '{\n  "a": "ü"\n}\n')].map(
      (object) => [object, writeManifest(object)] as const,
    );
    const change = fc.record({
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      removed: fc.integer({ min: 0, max: 2 }),
      added: fc.uint8Array({ maxLength: 2 }),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...objects),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        ([{ ref }, original], changes) => {
          const changed = changes.reduce((all, { at, removed, added }) => {
            const place = Math.floor(at * all.length);
            return Buffer.concat([all.subarray(0, place), added, all.subarray(place + removed)]);
          }, Buffer.from(original));
          try {
            expect(readManifest(ref, changed).ref).toEqual(ref);
          } catch (error) {
            expect(error).toBeInstanceOf(DamagedError);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

function damageOf(ref: ObjectRef, content: Uint8Array): string {
  try {
    readManifest(ref, content);
  } catch (error) {
    expect(error).toBeInstanceOf(DamagedError);
    return (error as DamagedError).message;
  }
  throw new Error('was read');
}
