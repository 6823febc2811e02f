import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Refusal } from './refusal.js'

/**
 * A state change must carry the token twice: in a cookie that no script reads and no other site sends, and in a header that the page
 * has from an answer that no other site can read. It is kept by the browser alone, so every process behind an address accepts it.
 */
const cookie = 'after-commit-token'
const header = 'x-after-commit-token'
const bytes = 32

const stored = new RegExp(`(?:^|;\\s*)${cookie}=([\\w-]{43})(?:;|$)`)

const tokenIn = (request: IncomingMessage): string | undefined => stored.exec(request.headers.cookie ?? '')?.[1]

/** The token of this browser; it gets one if it has none. Without a path the cookie belongs to the folder of the address that was asked. */
export function issueToken(request: IncomingMessage & { readonly secure?: boolean }, response: ServerResponse): string {
  const known = tokenIn(request)
  if (known !== undefined) return known
  const token = randomBytes(bytes).toString('base64url')
  const encrypted = request.secure ?? 'encrypted' in request.socket
  response.appendHeader('set-cookie', `${cookie}=${token}; HttpOnly; SameSite=Strict${encrypted ? '; Secure' : ''}`)
  return token
}

/** @throws Refusal unless the page itself has sent it. */
export function checkToken(request: IncomingMessage): void {
  const { [header]: sent, 'sec-fetch-site': site } = request.headers
  const expected = tokenIn(request)
  const same =
    expected !== undefined &&
    typeof sent === 'string' &&
    sent.length === expected.length &&
    timingSafeEqual(Buffer.from(sent), Buffer.from(expected))
  if (!same || (site !== undefined && site !== 'same-origin')) {
    throw new Refusal(403, 'The token against cross-site requests is missing or wrong. Reload the page.')
  }
}
