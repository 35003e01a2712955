import type { FoundTenant, TenantStore } from '../ports/tenant-store.ts';

export class TenantEffect {
  readonly sure: string[] = [];
  /** Nobody could look whether it took effect. */
  readonly perhaps: string[] = [];
  readonly #tenants: TenantStore;

  constructor(tenants: TenantStore) {
    this.#tenants = tenants;
  }

  /** After a write that failed or did less than all: `judge` tells by what is there now for which ids it took effect. */
  async inspectOnly(
    ids: readonly string[],
    judge: (there: readonly FoundTenant[]) => readonly string[],
  ): Promise<void> {
    try {
      this.sure.push(...judge(await this.#tenants.get(ids)));
    } catch {
      this.perhaps.push(...ids);
    }
  }
}
