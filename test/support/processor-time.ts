/**
 * How many milliseconds of processor time this process has used since: unlike the clock's time, it says the same on a
 * machine that is busy with other things.
 */
export function processorTime(): () => number {
  const start = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
}
