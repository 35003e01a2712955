// Covers: src/crypto/wrap.ts, src/tenants/plan/document.ts, src/tenants/plan/examine.ts

/** docs/tenant-keys.md: what it says, its vectors and its reader fit the program and each other. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { BSON } from 'mongodb';
import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/adapters/mongodb/decode.ts';
import { toExtendedJson } from '../../../src/adapters/mongodb/extended-json.ts';
import { base64urlToBytes } from '../../../src/crypto/base64url.ts';
import { symmetricKid } from '../../../src/crypto/kid.ts';
import { deriveWrapKey } from '../../../src/crypto/wrap.ts';
import type { FoundTenant } from '../../../src/ports/tenant-store.ts';
import { readTenant } from '../../../src/tenants/plan/document.ts';
import { examineTenant } from '../../../src/tenants/plan/examine.ts';
import { wrapTenantKey } from '../../../src/tenants/plan/wrap.ts';
import { skipped } from '../../scenarios/program/tools.ts';
import { readerFile } from '../../support/mongodb/reader.ts';
import { fileWith, project } from '../../support/program.ts';

interface Vectors {
  readonly keyring: { readonly keys: readonly { readonly kid: string; readonly k: string }[] };
  readonly tenants: readonly { readonly key: string; readonly document: object }[];
}

const vectors = JSON.parse(readFileSync(path.join(project, 'docs/tenant-keys.vectors.json'), 'utf8')) as Vectors;
const wrapKeys = new Map(
  vectors.keyring.keys.map(({ kid, k }) => [kid, deriveWrapKey(base64urlToBytes(k), 'palette-keys/tenant-wrap/v1')]),
);
/** As the adapter hands a document over. */
const found = (document: object): FoundTenant => decode(BSON.serialize(BSON.EJSON.deserialize(document)));

describe('the vectors', () => {
  it.each(vectors.keyring.keys)('have the kid $kid for its root key', ({ kid, k }) => {
    expect(symmetricKid('root-key', base64urlToBytes(k))).toBe(kid);
  });

  describe.each(vectors.tenants)('of $document._id', ({ key, document }) => {
    it('open to the key they name', () => {
      const examined = examineTenant(found(document), { wrapKeys, retired: new Set(), destroyed: new Set() });
      expect(examined.failure).toBeUndefined();
      expect(Buffer.from((examined as { key: Uint8Array }).key).toString('hex')).toBe(key);
    });

    it('are what the program wraps with the same nonce', () => {
      const read = readTenant(found(document));
      const { kid, iv } = read.wrapped;
      const wrapKey = wrapKeys.get(kid);
      if (wrapKey === undefined) throw new Error('no such root key');
      expect(wrapTenantKey(read, Buffer.from(key, 'hex'), { kid, wrapKey, iv })).toEqual(read.wrapped);
    });

    it('are written as Extended JSON from which the driver makes the same document', () => {
      const exact = BSON.EJSON.deserialize(document, { relaxed: false });
      const text = toExtendedJson(BSON.serialize(exact)) ?? '';
      expect(text).not.toContain('\n');
      expect(BSON.EJSON.parse(text, { relaxed: false })).toEqual(exact);
    });
  });
});

const havePython = spawnSync('python3', ['-c', 'import cryptography'], { stdio: 'ignore' }).status === 0;

describe.skipIf(!havePython && !skipped('python3 with cryptography is not installed'))('the reader of the page', () => {
  it('opens every vector', () => {
    const keyring = fileWith(JSON.stringify(vectors.keyring), 'keyring.json');
    const input = vectors.tenants.map(({ document }) => JSON.stringify(document)).join('\n');
    const output = execFileSync('python3', [readerFile(), keyring], { input, encoding: 'utf8' });
    const expected = vectors.tenants.map(({ key, document }) => `${(document as { _id: string })._id} ${key}\n`);
    expect(output).toBe(expected.join(''));
  });

  it('has about thirty lines', () => {
    expect(readFileSync(readerFile(), 'utf8').trim().split('\n').length).toBeLessThanOrEqual(36);
  });
});
