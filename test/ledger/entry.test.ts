// Covers: src/ledger/metadata.ts, src/ledger/text.ts

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DamagedError } from '../../src/errors.ts';
import { formatTime, isTime, type LedgerEntry, ledgerObject, readLedgerObject } from '../../src/ledger/entry.ts';
import { annotations, generationOf, isManaged, labels } from '../../src/ledger/metadata.ts';
import { entry, textEntry } from '../../src/ledger/text.ts';
import type { StoredObject } from '../../src/ports/key-store.ts';
import { ledgerRef } from '../support/installations.ts';

const version: LedgerEntry = {
  kind: 'root-key',
  n: 1,
  createdAt: '2027-01-01T00:00:00Z',
  material: { alg: 'A256GCM', entries: { key: new Uint8Array(32).fill(7) } },
  facts: { kid: 'abcdefghijklmnop' },
};
const context = { installationId: 'some-installation', toolVersion: '1.2.3' };
const object = (change: Partial<StoredObject> = {}): StoredObject => ({
  ...ledgerObject(ledgerRef('root-key'), version, context),
  version: '1',
  ...change,
});

describe('a ledger entry', () => {
  test('is an immutable Secret with the metadata of everything that is ours', () => {
    expect(object()).toEqual({
      ref: { kind: 'Secret', namespace: 'palette-keys-system', name: 'palette-key-root-key-v1' },
      type: 'Opaque',
      immutable: true,
      labels: {
        'app.kubernetes.io/name': 'palette-keys',
        'app.kubernetes.io/managed-by': 'palette-keys',
        'app.kubernetes.io/part-of': 'palette',
        'palette-keys.dev/installation': 'some-installation',
        'palette-keys.dev/kind': 'root-key',
      },
      annotations: {
        'helm.sh/resource-policy': 'keep',
        'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
        'palette-keys.dev/version': '1.2.3',
      },
      data: {
        kind: Buffer.from('root-key'),
        kid: Buffer.from('abcdefghijklmnop'),
        createdAt: Buffer.from('2027-01-01T00:00:00Z'),
        alg: Buffer.from('A256GCM'),
        key: new Uint8Array(32).fill(7),
      },
      version: '1',
    });
  });

  test('comes back as it was written', () => {
    const { kid, createdAt, material } = readLedgerObject(object(), 'root-key');
    expect({ kid, createdAt, material }).toEqual({
      kid: 'abcdefghijklmnop',
      createdAt: version.createdAt,
      material: version.material,
    });
  });

  test.each<readonly [string, Record<string, Uint8Array>]>([
    ['of another kind than its name says', { kind: Buffer.from('hash-salt') }],
    ['without a kind', { kind: new Uint8Array() }],
    ['with a kid that is none', { kid: Buffer.from('short') }],
    ['with a kid that is not text', { kid: Uint8Array.of(0xc3) }],
    ['made at no time', { createdAt: Buffer.from('2027-13-01T00:00:00Z') }],
    ['with an empty key', { key: new Uint8Array() }],
    ['with an empty entry more', { note: new Uint8Array() }],
    ['without an algorithm', { alg: new Uint8Array() }],
  ])('%s is damaged', (_, data) => {
    expect(() => readLedgerObject(object({ data: { ...object().data, ...data } }), 'root-key')).toThrow(DamagedError);
  });
});

describe('times', () => {
  test('are RFC 3339 in UTC, to the second', () => {
    expect(formatTime(new Date('2027-01-02T03:04:05.999Z'))).toBe('2027-01-02T03:04:05Z');
  });

  test('come back as they were written', () => {
    fc.assert(
      fc.property(
        fc.date({ noInvalidDate: true, min: new Date('2000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z') }),
        (date) => isTime(formatTime(date)),
      ),
    );
  });

  test.each(['', 'now', '2027-01-01', '2027-01-01T00:00:00', '2027-02-30T00:00:00Z', '2027-01-01T24:00:00Z', '1'])(
    '%j is none',
    (text) => {
      expect(isTime(text)).toBe(false);
    },
  );
});

describe('metadata', () => {
  const stored = (change: Partial<StoredObject>): StoredObject => object({ annotations: {}, ...change });

  test.each([
    ['7', 7],
    ['1', 1],
    ['0', 0],
    ['-1', 0],
    ['07', 0],
    ['1.5', 0],
    ['1e3', 0],
    ['', 0],
    ['9'.repeat(13), 0],
    ['999999999999', 999_999_999_999],
  ])('generation %j counts as %i', (text, generation) => {
    expect(generationOf(stored({ annotations: { 'palette-keys.dev/generation': text } }))).toBe(generation);
  });

  test('an object is ours where it says so, and says whose', () => {
    expect(isManaged(object())).toBe(true);
    expect(isManaged(stored({ labels: {} }))).toBe(false);
    expect(isManaged(stored({ labels: { ...labels('', 'root-key') } }))).toBe(false);
    expect(isManaged(stored({ labels: { ...labels('a', 'b'), 'app.kubernetes.io/managed-by': 'Helm' } }))).toBe(false);
  });

  test('nothing prunes by them', () => {
    const names = Object.keys({ ...labels('a', 'b'), ...annotations('1') });
    expect(names).not.toContain('app.kubernetes.io/instance');
  });
});

describe('entries', () => {
  test('are their own, and never those of the language', () => {
    expect(() => entry({}, 'constructor')).toThrow('entry constructor is missing');
    expect(() => textEntry({}, '__proto__')).toThrow('entry __proto__ is missing');
  });

  test('keep a byte order mark, so that what is compared is what is there', () => {
    expect(textEntry({ a: Buffer.from('\uFEFFx') }, 'a')).toBe('\uFEFFx');
  });
});
