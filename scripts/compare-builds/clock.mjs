// Loaded before the program (`node --import`): its clock shows the time of NOW and does not move, so that two builds
// write the same times and every time can be compared as it is.
const now = Date.parse(process.env.NOW);
const RealDate = Date;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now] : args, newTarget),
  get: (target, name) => (name === 'now' ? () => now : Reflect.get(target, name)),
});
