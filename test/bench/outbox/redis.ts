import { Redis } from 'ioredis'

export const redisUrl = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'

/** Why it cannot be measured; undefined when Redis answers. */
export async function redisUnavailable(): Promise<string | undefined> {
  const redis = new Redis(redisUrl, { lazyConnect: true, connectTimeout: 3_000, retryStrategy: () => null })
  redis.on('error', () => undefined)
  try {
    await redis.connect()
    await redis.ping()
    return undefined
  } catch (error) {
    return `redis does not answer at ${redisUrl}: ${error instanceof Error ? error.message : String(error)}`
  } finally {
    redis.disconnect()
  }
}
