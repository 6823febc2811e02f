/**
 * The handler of a Proxy that stands for `to` and changes nothing; what extends it does. `to` is not the target, because V8 looks
 * every property up in the target as well, and a client of Prisma, which is a Proxy too, takes its time to answer.
 */
export class Forwarding implements ProxyHandler<object> {
  readonly to: object
  readonly proxy: object

  constructor(to: object) {
    this.to = to
    this.proxy = new Proxy({}, this)
  }

  get(_: object, key: string | symbol): unknown {
    return Reflect.get(this.to, key)
  }

  set(_: object, key: string | symbol, value: unknown): boolean {
    return Reflect.set(this.to, key, value)
  }

  has(_: object, key: string | symbol): boolean {
    return Reflect.has(this.to, key)
  }

  deleteProperty(_: object, key: string | symbol): boolean {
    return Reflect.deleteProperty(this.to, key)
  }

  ownKeys(): (string | symbol)[] {
    return Reflect.ownKeys(this.to)
  }

  getOwnPropertyDescriptor(_: object, key: string | symbol): PropertyDescriptor | undefined {
    const descriptor = Reflect.getOwnPropertyDescriptor(this.to, key)
    return descriptor && { ...descriptor, configurable: true }
  }
}
