/** A Census in memory, for unit tests: records by their id, each with the one field that is counted. */
import { PaletteKeysError } from '../../src/errors.ts';
import type { Census, FieldCounts } from '../../src/ports/census.ts';

export class MemoryCensus implements Census {
  readonly location = 'memory, users';
  /** What stands in the field. */
  readonly records = new Map<string, unknown>();
  counts = 0;
  /** Called before every count. */
  beforeCount: () => void | Promise<void> = () => undefined;

  /** So many records whose field holds `value`. */
  put(count: number, value: unknown): this {
    for (let i = 0; i < count; i++) this.records.set(`${this.records.size}`, value);
    return this;
  }

  /** As the platform does at a login: every record, or the first so many, is hashed anew. */
  rehash(from: string, to: string, count = Number.POSITIVE_INFINITY): void {
    const old = [...this.records].filter(([, value]) => value === from).slice(0, count);
    for (const [id] of old) this.records.set(id, to);
  }

  async count(_: string, values: readonly string[]): Promise<FieldCounts> {
    await this.beforeCount();
    this.counts += 1;
    const byValue = new Map<string, number>();
    let [others, without] = [0, 0];
    for (const value of this.records.values()) {
      if (typeof value !== 'string') without += 1;
      else if (values.includes(value)) byValue.set(value, (byValue.get(value) ?? 0) + 1);
      else others += 1;
    }
    return { byValue, others, without };
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}

export const gone = (): never => {
  throw new PaletteKeysError('DATABASE_UNAVAILABLE', 'memory: the server cannot be reached', { hint: 'none' });
};
