/** The list of tenants, which is written piece by piece, is what it would be if it were written at once. */
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { beginTenantListing } from '../../../src/cli/tenant/list.ts';
import type { Terminal } from '../../../src/ports/terminal.ts';

const counts = { total: 7, byKid: { 'kid-1': 7 }, malformed: 0, unopenable: 0 };
const tenantOf = (i: number) => ({
  ...{ tenant: i === 1200 ? 'one with a longer id: "#"' : `tenant-${i}`, bits: 64, kid: 'kid-1' },
  ...{ createdAt: '2027-01-01T00:00:00.000Z', rewrappedAt: null },
});

async function listed(count: number, format: 'json' | 'yaml' | 'table'): Promise<string> {
  let text = '';
  const stdout = {
    write: (more: string | Uint8Array) => {
      text += String(more);
      return true;
    },
  };
  const terminal = { stdout, colour: { stdout: 0, stderr: 0 } } as unknown as Terminal;
  const listing = await beginTenantListing(format, 'somewhere', terminal);
  for (let i = 0; i < count; i++) listing.add(tenantOf(i));
  listing.end({ verb: 'verify', counts, failures: [] });
  return text;
}

describe('a list of tenants', () => {
  it.each([0, 1, 500, 1201])('of %i is one document, in JSON and in YAML', async (count) => {
    const tenants = Array.from({ length: count }, (_, i) => tenantOf(i));
    const head = { apiVersion: 'palette-keys/v1', kind: 'TenantList', store: 'somewhere' };
    const whole = { ...head, tenants, counts, failures: [] };
    expect(await listed(count, 'json')).toBe(`${JSON.stringify(whole, undefined, 2)}\n`);
    expect(await listed(count, 'yaml')).toBe(stringify(whole, { lineWidth: 0 }));
  });

  it.each([0, 1, 500, 1201])('of %i is one table, whose columns never go back', async (count) => {
    const [head, ...lines] = (await listed(count, 'table')).split('\n');
    const rows = lines.slice(0, count);
    expect(head).toMatch(/^TENANT +BITS +ROOT KEY +CREATED$/);
    expect(rows.map((row) => row.replace(/ +64 +kid-1 +2027.*$/, ''))).toEqual(
      Array.from({ length: count }, (_, i) => tenantOf(i).tenant),
    );
    const columns = rows.map((row) => row.indexOf('kid-1'));
    expect(columns).toEqual([...columns].sort((a, b) => a - b));
    expect(new Set(columns.slice(0, 500)).size).toBeLessThan(2);
    expect(lines.slice(count)).toEqual(['', expect.stringContaining('7 tenants in somewhere'), '']);
  });
});
