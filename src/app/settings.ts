import { datasource } from '../../prisma/providers.js'

/** Everything that the environment decides, read once. */
export interface Settings {
  /** `HOST`: this machine only by default, `0.0.0.0` for everybody. */
  readonly host: string
  /** `PORT`, 3000 by default; 0 takes a free one. */
  readonly port: number
  /** `DATABASE_URL`: `postgresql://…` or `file:…`; by default an SQLite file in the folder `prisma`. */
  readonly databaseUrl: string
  /**
   * `PARTNERS`: `after` calls the partners after the commit, from memory; `outbox` too, from a row of the transaction;
   * `inside` awaits them inside the transaction (the mistake to show).
   */
  readonly partners: 'inside' | 'after' | 'outbox'
  /** Whether tasks are rows of the outbox. */
  readonly durable: boolean
  /** `PUSH_URL`, `POINTS_URL`, `SEARCH_URL`, `SMS_URL`. */
  readonly urls: Readonly<Record<'push' | 'points' | 'search' | 'sms', string>>
  /** `MAX_PENDING`: the upper bound of unfinished tasks, 1000 by default. */
  readonly maxPending: number
  /** `LOG_LEVEL`, `info` by default. */
  readonly logLevel: string
  /** `LOG_FILE`: where the log goes; standard output by default. */
  readonly logFile: string | undefined
}

/** Reads the settings; a wrong one is refused with its name, what was expected and what came. */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const integer = (name: string, fallback: number, least: number): number => {
    const text = environment[name]
    const value = text === undefined ? fallback : Number(text)
    if (!Number.isInteger(value) || value < least) {
      throw new TypeError(`Expected ${name} to be an integer from ${least} and up, got ${JSON.stringify(text)}`)
    }
    return value
  }
  const partners = environment['PARTNERS'] ?? 'after'
  if (partners !== 'inside' && partners !== 'after' && partners !== 'outbox') {
    throw new TypeError(`Expected PARTNERS to be 'inside', 'after' or 'outbox', got ${JSON.stringify(partners)}`)
  }
  return {
    host: environment['HOST'] ?? '127.0.0.1',
    port: integer('PORT', 3000, 0),
    databaseUrl: datasource(environment['DATABASE_URL']).url,
    partners,
    durable: partners === 'outbox',
    urls: {
      push: environment['PUSH_URL'] ?? 'http://127.0.0.1:4001',
      points: environment['POINTS_URL'] ?? 'http://127.0.0.1:4002',
      search: environment['SEARCH_URL'] ?? 'http://127.0.0.1:4003',
      sms: environment['SMS_URL'] ?? 'http://127.0.0.1:4004',
    },
    maxPending: integer('MAX_PENDING', 1000, 1),
    logLevel: environment['LOG_LEVEL'] ?? 'info',
    logFile: environment['LOG_FILE'],
  }
}

/** The settings of this process. */
export const settings = readSettings(process.env)
