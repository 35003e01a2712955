import { PaletteKeysError } from '../../errors.ts';

/** Aborts on SIGINT and SIGTERM: the write that is under way is finished, no further one begun. A second one ends at once. */
export function watchSignals(): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const watch = (name: 'SIGINT' | 'SIGTERM', code: 'INTERRUPTED' | 'TERMINATED', exit: number) => {
    const handler = (): void => {
      if (controller.signal.aborted) process.exit(exit);
      controller.abort(
        new PaletteKeysError(code, `ended by ${name}`, {
          hint: 'run the same command again: it completes what was begun',
        }),
      );
    };
    process.on(name, handler);
    return () => process.off(name, handler);
  };
  const stops = [watch('SIGINT', 'INTERRUPTED', 130), watch('SIGTERM', 'TERMINATED', 143)];
  const stop = (): void => {
    for (const unwatch of stops) unwatch();
  };
  return { signal: controller.signal, stop };
}
