import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transform } from 'esbuild'
import type { RequestHandler, Response } from 'express'

/** Nothing but what this server sends itself: no inline script or style, no frame, no other host. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
}

/** The files of the page: modules are TypeScript whose types are taken away when they are asked for. */
export const assets: RequestHandler = async (request, response, next) => {
  const path = request.path === '/' ? '/client/index.html' : request.path.replace(/^\/page/, '')
  if (!/^\/(events|client\/[a-z-]+(\/[a-z-]+)?)\.(js|css|html|svg)$/.test(path)) return next()
  try {
    const source = path.endsWith('.js') ? path.replace(/js$/, 'ts') : path
    const text = await readFile(fileURLToPath(new URL(`.${source}`, import.meta.url)), 'utf8')
    send(
      response,
      path,
      source.endsWith('.ts') ? (await transform(text, { loader: 'ts', target: 'es2022' })).code : text,
    )
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') next()
    else throw error
  }
}

function send(response: Response, path: string, text: string): void {
  response.set({
    'content-type': `${types[extname(path)]}; charset=utf-8`,
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  })
  response.send(text)
}
