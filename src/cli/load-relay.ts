import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import type { Relay } from '../outbox/relay.js'
import { Failure } from './failure.js'

/** The relay that a module exports, or that a function which it exports makes. @throws Failure, with what to do. */
export async function loadRelay(path: string, name: string | undefined): Promise<Pick<Relay, 'start' | 'stop'>> {
  const file = resolve(path)
  if (!existsSync(file)) throw new Failure(`There is no module ${file}.`)
  const module = await load(file)
  const found = name === undefined ? (module['relay'] ?? module['default']) : module[name]
  if (found === undefined) {
    const exports = Object.keys(module).join(', ') || 'nothing'
    throw new Failure(
      `${path} has no export \`${name ?? 'relay'}\`: it exports ${exports}. Write \`export const relay = createRelay({ … })\`, ` +
        'or name another export with --export.',
    )
  }
  const relay: unknown = typeof found === 'function' ? await (found as () => unknown)() : found
  if (isRelay(relay)) return relay
  throw new Failure(
    `The export \`${name ?? 'relay'}\` of ${path} is no relay, but ${inspect(relay, { depth: 0 })}: export what ` +
      'createRelay returned, or a function that returns it.',
  )
}

async function load(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>
  } catch (error) {
    throw new Failure(`${file} could not be loaded: ${inspect(error)}`, 1, { cause: error })
  }
}

function isRelay(value: unknown): value is Relay {
  const { start, stop } = (value ?? {}) as Partial<Relay>
  return typeof start === 'function' && typeof stop === 'function'
}

/** SQLSTATE 42P01, MySQL's 1146, SQLite's words; whoever wraps them, their text is in there. */
const missing = /OutboxMessage.{0,40}(does not|doesn't) exist|no such table: .{0,20}OutboxMessage/s

/** What a relay could not start for. */
export function startFailure(error: unknown): Failure {
  const text = error instanceof Error ? error.message : String(error)
  const advice = missing.test(text)
    ? 'The table OutboxMessage is not there: paste prisma/fragments/outbox.prisma of this package into your schema.prisma and ' +
      'run `npx prisma migrate dev --name outbox`, or `npx prisma migrate deploy` where the migration exists.'
    : 'The relay could not start.'
  return new Failure(`${advice}\n${text}`, 1, { cause: error })
}
