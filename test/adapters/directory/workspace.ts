/** What the tests of the directory share: a place to make stores in, and objects to put there. */
import { execFileSync } from 'node:child_process';
import { constants, lstatSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { KeyStore, LockHolder, NewObject } from '../../../src/ports/key-store.ts';

export const HOLDER: LockHolder = { command: 'palette-keys init', user: 'tester', since: '2026-01-02T03:04:05Z' };

export interface Workspace {
  /** An empty folder, new for each test. */
  readonly folder: string;
  /** A path in it where nothing is yet. */
  readonly path: string;
}

export function useWorkspace(): Workspace {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'palette-keys-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    get folder() {
      return folder;
    },
    get path() {
      return join(folder, 'keys');
    },
  };
}

export function secret(name = 'palette-key-test-v1', change: Partial<NewObject> = {}): NewObject {
  return {
    ref: { kind: 'Secret', namespace: 'team', name },
    type: 'Opaque',
    immutable: false,
    labels: { 'app.kubernetes.io/managed-by': 'palette-keys' },
    annotations: {},
    data: { key: new TextEncoder().encode('CANARY-key-bytes') },
    ...change,
  };
}

export function configMap(name: string, text: string): NewObject {
  const ref = { kind: 'ConfigMap', namespace: 'team', name } as const;
  return secret(name, { ref, type: undefined, data: { text: new TextEncoder().encode(text) } });
}

/** Makes the store with the namespace `team` and these objects in it. */
export async function fill(store: KeyStore, ...objects: readonly NewObject[]): Promise<void> {
  const lock = await store.lock(HOLDER);
  await store.addNamespaces(['team']);
  for (const object of objects) await store.create(object);
  await lock.release();
}

/** Runs one of the system's commands, and returns what it said. */
export function command(name: string, ...args: readonly string[]): string {
  return execFileSync(name, args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
}

/** Path → mode and bytes of everything below a folder. */
export async function contents(folder: string): Promise<Readonly<Record<string, string>>> {
  const entries = (await tree(folder)).map((path) => {
    const { mode } = lstatSync(join(folder, path));
    const isFile = (mode & constants.S_IFMT) === constants.S_IFREG;
    return [path, `${mode.toString(8)} ${isFile ? readFileSync(join(folder, path), 'latin1') : ''}`] as const;
  });
  return Object.fromEntries(entries);
}

/** All paths below a folder, relative and sorted. */
export async function tree(folder: string): Promise<readonly string[]> {
  return (await readdir(folder, { recursive: true })).sort();
}
