import type { Terminal } from '../../ports/terminal.ts';
import { type ListedTenant, shownId } from '../../tenants/tenants.ts';
import type { OutputFormat } from '../ports.ts';
import { listDocument } from '../render/document.ts';
import { palette } from '../render/palette.ts';
import { table } from '../render/table.ts';
import { renderTenants, type TenantsShown } from './render.ts';

type Verified = TenantsShown & { readonly verb: 'verify' };

export interface TenantListing {
  /** True as soon as something of it may be on stdout. */
  readonly begun: boolean;
  add(tenant: ListedTenant): void;
  end(found: Verified): void;
}

interface Writer {
  add(tenants: readonly ListedTenant[]): void;
  end(found: Verified): void;
}

/** Tenants that are written at once; their columns are aligned with one another, and with those before. */
const PIECE = 500;

/** Nothing is written before the first piece is complete: what fails before that can still be told by a document of its own. */
export async function beginTenantListing(
  format: OutputFormat,
  location: string,
  terminal: Terminal,
): Promise<TenantListing> {
  const isText = format !== 'json' && format !== 'yaml';
  const begin = isText ? () => textWriter(location, terminal) : await documentWriter(format, location, terminal);
  let begun: Writer | undefined;
  let piece: ListedTenant[] = [];
  const flush = (): Writer => {
    begun ??= begin();
    begun.add(piece);
    piece = [];
    return begun;
  };
  return {
    get begun() {
      return begun !== undefined;
    },
    add: (tenant) => {
      if (piece.push(tenant) === PIECE) flush();
    },
    end: (found) => flush().end(found),
  };
}

function textWriter(location: string, { stdout, colour }: Terminal): Writer {
  const paint = palette(colour.stdout);
  const widths: number[] = [];
  let head = [['TENANT', 'BITS', 'ROOT KEY', 'CREATED'].map((text) => ({ text, paint: paint.strong }))];
  return {
    add: (tenants) => {
      const rows = tenants.map((each) => [shownId(each), String(each.bits), each.kid, each.createdAt]);
      stdout.write(table([...head, ...rows], 0, widths));
      head = [];
    },
    end: (found) => void stdout.write(`\n${renderTenants(found, location, paint)}`),
  };
}

async function documentWriter(format: 'json' | 'yaml', location: string, terminal: Terminal): Promise<() => Writer> {
  const begin = await listDocument({ kind: 'TenantList', store: location }, 'tenants', format, terminal);
  return () => {
    const document = begin();
    return { add: document.add, end: ({ counts, failures }) => document.end({ counts, failures }) };
  };
}
