// Preloaded: sets the clock of this process CHAOS_CLOCK milliseconds off. Nobody sets the monotonic one, here or anywhere.
const off = Number(process.env['CHAOS_CLOCK'] ?? 0)
const now = Date.now.bind(Date)

globalThis.Date = new Proxy(Date, {
  construct: (target, args: [], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now() + off] : args, newTarget) as Date,
  apply: () => new Date(now() + off).toString(),
  get: (target, key, receiver) => (key === 'now' ? () => now() + off : (Reflect.get(target, key, receiver) as unknown)),
})
