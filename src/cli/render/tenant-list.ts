import type { ListedTenant } from '../../apply/tenants.ts';
import type { Terminal } from '../../ports/terminal.ts';
import type { OutputFormat } from '../ports.ts';
import { beginListDocument } from './document.ts';
import { palette } from './palette.ts';
import { table } from './table.ts';
import { renderTenants, type TenantsShown } from './tenants.ts';

type Verified = TenantsShown & { readonly verb: 'verify' };

/** A list of tenants on stdout, written while it is read: it may have millions of lines. */
export interface TenantListing {
  add(tenant: ListedTenant): void;
  end(found: Verified): void;
}

interface Writer {
  add(tenants: readonly ListedTenant[]): void;
  end(found: Verified): void;
}

/** Tenants that are written at once; their columns are aligned with one another, and with those before. */
const PIECE = 500;

export async function beginTenantListing(
  format: OutputFormat,
  location: string,
  terminal: Terminal,
): Promise<TenantListing> {
  const isText = format !== 'json' && format !== 'yaml';
  const writer = isText ? textWriter(location, terminal) : await documentWriter(format, location, terminal);
  let piece: ListedTenant[] = [];
  const flush = (): void => {
    writer.add(piece);
    piece = [];
  };
  return {
    add: (tenant) => {
      if (piece.push(tenant) === PIECE) flush();
    },
    end: (found) => {
      flush();
      writer.end(found);
    },
  };
}

function textWriter(location: string, { stdout, colour }: Terminal): Writer {
  const paint = palette(colour.stdout);
  const widths: number[] = [];
  let head = [['TENANT', 'BITS', 'ROOT KEY', 'CREATED'].map((text) => ({ text, paint: paint.strong }))];
  return {
    add: (tenants) => {
      const rows = tenants.map(({ tenant, bits, kid, createdAt }) => [tenant, String(bits), kid, createdAt]);
      stdout.write(table([...head, ...rows], 0, widths));
      head = [];
    },
    end: (found) => void stdout.write(`\n${renderTenants(found, location, paint)}`),
  };
}

async function documentWriter(format: 'json' | 'yaml', location: string, terminal: Terminal): Promise<Writer> {
  const document = await beginListDocument({ kind: 'TenantList', store: location }, 'tenants', format, terminal);
  return { add: document.add, end: ({ counts, failures }) => document.end({ counts, failures }) };
}
