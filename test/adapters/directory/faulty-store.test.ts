import { describe, expect, test } from 'vitest';
import { FaultyStore } from '../../support/faulty-store.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { sampleRun } from './sample-run.ts';
import { fill, HOLDER, secret } from './workspace.ts';

describe('a store whose writes fail', () => {
  test('counts and tells its writes, each before it is done', async () => {
    const memory = memoryStore();
    const seen: string[] = [];
    const store = new FaultyStore(memory).onWrite(async ({ n, operation, object }) => {
      seen.push(`${n} ${operation} ${object}: ${memory.snapshot().objects.length}`);
    });
    await fill(store, secret('palette-a'), secret('palette-b'));
    expect(seen).toEqual([
      '1 addNamespaces team: 0',
      '2 create Secret/team/palette-a: 0',
      '3 create Secret/team/palette-b: 1',
    ]);
    expect(store.writes).toBe(3);
  });

  test.each([
    ['before', 1],
    ['after', 2],
  ] as const)('fails %s the n-th write, once', async (moment, expected) => {
    const memory = memoryStore();
    const store = new FaultyStore(memory).failAt(3, moment);
    await expect(fill(store, secret('palette-a'), secret('palette-b'))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    expect(memory.snapshot().objects).toHaveLength(expected);
    expect(await store.create(secret('palette-c'))).toBe('created');
  });

  test.each(['before', 'after'] as const)(
    'killed %s any write, a run leaves what the next one completes',
    async (moment) => {
      const undisturbed = memoryStore();
      const counted = new FaultyStore(undisturbed);
      await sampleRun(counted);
      for (let n = 1; n <= counted.writes; n += 1) {
        const memory = memoryStore();
        const killed = new FaultyStore(memory).killAt(n, moment);
        await expect(sampleRun(killed)).rejects.toThrow('killed');
        await expect(killed.get(secret().ref)).rejects.toThrow('killed');
        await expect(memory.again().lock(HOLDER)).rejects.toMatchObject({ code: 'LOCK_HELD' });
        await sampleRun(memory.afterCrash());
        const texts = [memory, undisturbed].map((store) =>
          JSON.stringify(store.snapshot(), (key, value) => (key === 'version' ? '' : value)),
        );
        expect(texts[0]).toBe(texts[1]);
      }
    },
  );

  test('a memory store can be put back to how it was', async () => {
    const memory = memoryStore();
    await fill(memory, secret('palette-a'));
    memory.damage(secret('palette-b').ref, 'is torn');
    const before = memory.snapshot();
    memory.take(secret('palette-a').ref);
    memory.put(secret('palette-c'));
    memory.restore(before);
    expect((await memory.list('team')).map(({ ref, damage }) => [ref.name, damage])).toEqual([
      ['palette-a', undefined],
      ['palette-b', 'is torn'],
    ]);
    expect(await memory.missingNamespaces(['team'])).toEqual([]);
  });
});
