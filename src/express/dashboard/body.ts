import type { IncomingMessage } from 'node:http'
import { Refusal } from './refusal.js'

const most = 100_000

/** The JSON object of a request, whether middleware has parsed it already or nobody has. @throws Refusal */
export async function objectIn(request: IncomingMessage & { readonly body?: unknown }): Promise<object> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new Refusal(415, 'Expected JSON')
  }
  const body = request.body === undefined ? await parsed(request) : request.body
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new Refusal(400, 'Expected a JSON object')
  return body
}

async function parsed(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > most) throw new Refusal(413, `Expected at most ${most} bytes`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch {
    throw new Refusal(400, 'Expected JSON')
  }
}
