import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname } from 'node:path'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

interface File {
  readonly content: Buffer
  readonly type: string
  readonly tag: string
}

/** The page's own files by their name, read once; that of the page itself is empty. */
export function readFiles(): ReadonlyMap<string, File> {
  const folder = new URL('page/', import.meta.url)
  return new Map(
    readdirSync(folder).map((name) => {
      const content = readFileSync(new URL(name, folder))
      const tag = `"${createHash('sha256').update(content).digest('base64url')}"`
      return [name === 'index.html' ? '' : name, { content, type: types[extname(name)] ?? 'text/plain', tag }]
    }),
  )
}

/** The browser keeps it, and asks each time whether it still is the same. */
export function answerFile({ content, type, tag }: File, request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('cache-control', 'private, no-cache')
  response.setHeader('etag', tag)
  if (request.headers['if-none-match'] === tag) {
    response.statusCode = 304
    response.end()
    return
  }
  response.setHeader('content-type', type)
  response.end(content)
}
