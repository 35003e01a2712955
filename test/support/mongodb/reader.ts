/** The reader that docs/tenant-keys.md shows, which shares nothing with the program. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { BSON, type MongoClient } from 'mongodb';
import { fileWith, project } from '../program.ts';

/** The page's block of Python as a file. */
export function readerFile(): string {
  const page = readFileSync(path.join(project, 'docs/tenant-keys.md'), 'utf8');
  const [, source] = /```python\n([\s\S]*?)```/.exec(page) ?? [];
  if (source === undefined) throw new Error('docs/tenant-keys.md shows no reader');
  return fileWith(source, 'reader.py');
}

/** Every tenant's key in hex, as the reader finds them in the database with that keyring. */
export async function keysByReader(client: MongoClient, keyring: string): Promise<ReadonlyMap<string, string>> {
  const documents = await client
    .db('hubbledb')
    .collection('tenantKeys')
    .find({}, { promoteBuffers: false, promoteValues: false })
    .toArray();
  const input = documents.map((document) => BSON.EJSON.stringify(document, { relaxed: false })).join('\n');
  const output = execFileSync('python3', [readerFile(), fileWith(keyring, 'keyring.json')], {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return new Map(
    output
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]),
  );
}
