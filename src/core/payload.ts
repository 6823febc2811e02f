import { PayloadError } from './errors.js'

/**
 * The part of the Standard Schema interface, version 1, that a payload check needs. zod, valibot and arktype fit.
 * Source: https://standardschema.dev
 */
export interface StandardSchema<In, Out> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Out> | Promise<SchemaResult<Out>>
    readonly types?: { readonly input: In; readonly output: Out } | undefined
  }
}

type SchemaResult<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[] }

export function isStandardSchema(value: unknown): boolean {
  const standard = (value as Partial<StandardSchema<unknown, unknown>> | null | undefined)?.['~standard']
  return typeof standard?.validate === 'function'
}

/**
 * The payload as JSON text. Refuses what JSON would lose or change without a word (BigInt, functions, NaN, Map, …), with the
 * path to it. Properties that are `undefined` are left out, and what has `toJSON` (Date) is carried as that says.
 */
export function serializePayload(task: string, payload: unknown, schema?: StandardSchema<unknown, unknown>): string {
  const value = schema ? validate(task, payload, schema) : payload
  const paths = new Map<object, string>()
  const refuse = (path: string, what: string): never => {
    throw new PayloadError(
      `The payload of \`${task}\` cannot be carried as JSON: \`${path}\` is ${what}. Pass an id or plain data instead.`,
    )
  }
  function check(this: object, key: string, json: unknown): unknown {
    const holder = paths.get(this)
    const path = holder === undefined ? 'payload' : Array.isArray(this) ? `${holder}[${key}]` : `${holder}.${key}`
    if (json === undefined && (holder === undefined || Array.isArray(this))) refuse(path, 'undefined')
    if (typeof json === 'function' || typeof json === 'symbol' || typeof json === 'bigint')
      refuse(path, `a ${typeof json}`)
    if (typeof json === 'number' && !Number.isFinite(json)) refuse(path, String(json))
    // PostgreSQL stores no NUL in text, and neither do some brokers.
    if (key.includes('\0')) refuse(path, 'a property with a NUL character in its name')
    if (typeof json === 'string' && json.includes('\0')) refuse(path, 'a string with a NUL character')
    if (json === null && Reflect.get(this, key) instanceof Date) refuse(path, 'an invalid Date')
    if (typeof json === 'object' && json !== null) {
      const kind = Object.prototype.toString.call(json).slice(8, -1)
      if (kind !== 'Object' && kind !== 'Array') refuse(path, `a ${kind}`)
      paths.set(json, path)
    }
    return json
  }
  try {
    return JSON.stringify(value, check)
  } catch (error) {
    if (error instanceof PayloadError) throw error
    throw new PayloadError(`The payload of \`${task}\` cannot be carried as JSON: ${String(error)}`, { cause: error })
  }
}

function validate(task: string, payload: unknown, schema: StandardSchema<unknown, unknown>): unknown {
  const result = schema['~standard'].validate(payload)
  if (result instanceof Promise) {
    result.catch(() => undefined)
    throw new PayloadError(
      `The schema of \`${task}\` is asynchronous, and registration is not: use one that answers at once.`,
    )
  }
  if (!result.issues) return result.value
  const issues = result.issues.map(({ message, path }) =>
    path?.length ? `${path.map(keyOf).join('.')}: ${message}` : message,
  )
  throw new PayloadError(`The payload of \`${task}\` does not fit its schema: ${issues.join('; ')}`, {
    cause: result.issues,
  })
}

function keyOf(segment: unknown): string {
  return String(typeof segment === 'object' && segment !== null && 'key' in segment ? segment.key : segment)
}
