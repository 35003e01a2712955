import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeList, encodeList } from '../../../src/backup/plan/list.ts';
import { DamagedError } from '../../../src/errors.ts';
import type { NewObject } from '../../../src/ports/key-store.ts';
import { LEDGER, ledgerRef, RECORD } from '../../support/installations.ts';

const KEY = 'CANARY-key-bytes';

const SECRET: NewObject = {
  ref: ledgerRef('root-key'),
  type: 'Opaque',
  immutable: true,
  labels: { 'palette-keys.dev/kind': 'root-key' },
  annotations: { 'palette-keys.dev/version': '0.1.0' },
  data: { key: Buffer.from(KEY), kid: Buffer.from('aaaaaaaaaaaaaaaa') },
};

const CONFIG: NewObject = {
  ref: RECORD,
  type: undefined,
  immutable: false,
  labels: {},
  annotations: {},
  data: { 'record.json': Buffer.from('{"spec":"ü"}\n') },
};

/** The List as JSON, for a test to change. */
// biome-ignore lint/suspicious/noExplicitAny: it is made wrong on purpose
function listed(): any {
  return JSON.parse(Buffer.from(encodeList([LEDGER], [SECRET, CONFIG])).toString());
}

describe('a backup in the clear', () => {
  test('is a List of Namespaces, Secrets and ConfigMaps as the API has them', () => {
    expect(listed()).toEqual({
      apiVersion: 'v1',
      kind: 'List',
      items: [
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: LEDGER } },
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: {
            name: 'palette-key-root-key-v1',
            namespace: LEDGER,
            labels: { 'palette-keys.dev/kind': 'root-key' },
            annotations: { 'palette-keys.dev/version': '0.1.0' },
          },
          type: 'Opaque',
          immutable: true,
          data: { key: Buffer.from(KEY).toString('base64'), kid: Buffer.from('aaaaaaaaaaaaaaaa').toString('base64') },
        },
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'palette-keys-installation', namespace: LEDGER, labels: {}, annotations: {} },
          data: { 'record.json': '{"spec":"ü"}\n' },
        },
      ],
    });
  });

  test('gives back every object as it was', () => {
    const words = fc.string({ unit: fc.constantFrom(...'abz09-.'), maxLength: 8 }).map((text) => `a${text}0`);
    const texts = fc.dictionary(words, fc.string({ maxLength: 20 }), { maxKeys: 4 });
    const bytes = fc.dictionary(words, fc.uint8Array({ maxLength: 70 }), { maxKeys: 4 });
    const utf8 = fc.dictionary(
      words,
      fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => Uint8Array.from(Buffer.from(text))),
      { maxKeys: 4 },
    );
    const common = { labels: texts, annotations: texts };
    const secrets = fc.record({
      ...common,
      ref: fc.record({ kind: fc.constant('Secret' as const), namespace: words, name: words }),
      type: fc.constantFrom('Opaque', 'kubernetes.io/tls'),
      immutable: fc.boolean(),
      data: bytes,
    });
    const configs = fc.record({
      ...common,
      ref: fc.record({ kind: fc.constant('ConfigMap' as const), namespace: words, name: words }),
      type: fc.constant(undefined),
      immutable: fc.boolean(),
      data: utf8,
    });
    fc.assert(
      fc.property(fc.array(words), fc.array(fc.oneof(secrets, configs), { maxLength: 5 }), (namespaces, objects) => {
        const read = decodeList(encodeList(namespaces, objects));
        expect(read.namespaces).toEqual(namespaces);
        expect(read.objects.map(comparable)).toEqual(objects.map(comparable));
      }),
      { numRuns: 200 },
    );
  });

  test('is taken as kubectl gives it back, with what the server adds', () => {
    const list = listed();
    list.metadata = { resourceVersion: '' };
    for (const item of list.items) {
      Object.assign(item.metadata, { uid: 'b5', resourceVersion: '17', creationTimestamp: '2027-01-01T00:00:00Z' });
      if (item.kind !== 'Namespace') item.metadata.managedFields = [{ manager: 'kubectl' }];
    }
    const read = decodeList(Buffer.from(JSON.stringify(list)));
    expect(read.objects.map(comparable)).toEqual([SECRET, CONFIG].map(comparable));
  });
});

function comparable({ ref, type, immutable, labels, annotations, data }: NewObject): unknown {
  const entries = Object.entries(data).map(([name, bytes]) => [name, Buffer.from(bytes).toString('hex')]);
  return { ref: { ...ref }, type, immutable, labels: { ...labels }, annotations: { ...annotations }, entries };
}

/** Changes the List; returns what is there instead where it is no longer one. */
// biome-ignore lint/suspicious/noExplicitAny: it is made wrong on purpose
const WRONG: readonly (readonly [string, (list: any) => unknown])[] = [
  ['nothing', () => ''],
  ['no JSON', () => `kind: List\nitems: [${KEY}]\n`],
  ['JSON that is cut off', (list) => JSON.stringify(list).slice(0, -9)],
  ['JSON with more after it', (list) => `${JSON.stringify(list)}{}`],
  ['text that is not UTF-8', (list) => Buffer.concat([Buffer.from(JSON.stringify(list)), Buffer.from([0xff])])],
  ['null', () => 'null'],
  ['a text', () => JSON.stringify(KEY)],
  ['an array', (list) => list.items],
  ['one object that is no List', (list) => list.items[1]],
  ['a List without items', (list) => ({ ...list, items: undefined })],
  ['a List whose items are an object', (list) => ({ ...list, items: { 0: list.items[0] } })],
  ['an item that is null', (list) => ({ ...list, items: [...list.items, null] })],
  ['an item that is a text', (list) => ({ ...list, items: [...list.items, KEY] })],
  ['an object of another kind', (list) => ({ ...list, items: [...list.items, { ...list.items[1], kind: 'Pod' }] })],
  ['an object without a kind', (list) => ({ ...list, items: [{ ...list.items[1], kind: undefined }] })],
  ['a List inside the List', (list) => ({ ...list, items: [list] })],
  ['an object without metadata', (list) => ({ ...list, items: [{ ...list.items[1], metadata: undefined }] })],
  ...['name', 'namespace'].flatMap((field) =>
    [undefined, 7, '', '../x', 'A', 'a/b', 'x'.repeat(254), `${KEY}\u0000`].map(
      (value) => [`a ${field} that is ${JSON.stringify(value)}`, set(['metadata', field], value)] as const,
    ),
  ),
  ['a Namespace without a name', (list) => ({ ...list, items: [{ ...list.items[0], metadata: {} }] })],
  ['a label that is a number', set(['metadata', 'labels', 'palette-keys.dev/kind'], 7)],
  ['an annotation that is null', set(['metadata', 'annotations', 'a'], null)],
  ['an entry that is a number', set(['data', 'key'], 7)],
  ['an entry that is no base64', set(['data', 'key'], `${KEY}!`)],
  ['an entry of base64 with a line break', set(['data', 'key'], `${Buffer.from(KEY).toString('base64')}\n`)],
  ['an entry of base64 without padding', set(['data', 'key'], 'QUI')],
  ['an entry of base64url', set(['data', 'key'], '-_8=')],
  ['an entry of base64 with stray bits', set(['data', 'key'], 'QUJ=')],
];

function set(path: readonly string[], value: unknown) {
  // biome-ignore lint/suspicious/noExplicitAny: it is made wrong on purpose
  return (list: any): unknown => {
    const place = path.slice(0, -1).reduce((found, name) => found[name], list.items[1]);
    place[path.at(-1) ?? ''] = value;
    return list;
  };
}

describe('what is no backup', () => {
  test.each(WRONG)('%s is refused, and not quoted', (_, change) => {
    const changed = change(listed());
    const bytes =
      typeof changed === 'string' || changed instanceof Uint8Array ? Buffer.from(changed as string) : undefined;
    const read = () => decodeList(bytes ?? Buffer.from(JSON.stringify(changed)));
    expect(read).toThrow(DamagedError);
    expect(read).not.toThrow(KEY);
    expect(read).not.toThrow(Buffer.from(KEY).toString('base64'));
  });

  test('any cut through it is refused', () => {
    const whole = encodeList([LEDGER], [SECRET, CONFIG]);
    // The last byte is a line break.
    for (let length = 0; length < whole.length - 1; length++) {
      expect(() => decodeList(whole.subarray(0, length)), `${length} bytes`).toThrow(DamagedError);
    }
  });
});
