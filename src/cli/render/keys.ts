import type { Palette } from './palette.ts';
import { table } from './table.ts';

export function renderKeys(
  keys: readonly { readonly key: string; readonly n: number; readonly kid: string }[],
  paint: Palette,
): string {
  const head = ['KEY', 'VERSION', 'KID'].map((text) => ({ text, paint: paint.strong }));
  return table([head, ...keys.map(({ key, n, kid }) => [key, `v${n}`, kid])]);
}
