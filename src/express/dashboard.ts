import type { IncomingMessage, ServerResponse } from 'node:http'
import { apiOf } from './dashboard/api.js'
import { objectIn } from './dashboard/body.js'
import { answerFile, readFiles } from './dashboard/files.js'
import { secure } from './dashboard/headers.js'
import { type DashboardOptions, type DashboardSource, validateDashboard } from './dashboard/options.js'
import { isOurs, Refusal } from './dashboard/refusal.js'
import { checkToken, issueToken } from './dashboard/token.js'
import { answerJson } from './json.js'

/** What Express adds to a request, where it is Express that asks. */
type MountedRequest = IncomingMessage & { readonly originalUrl?: string; readonly body?: unknown }

/** To be mounted with `app.use('/tasks', …)`; without Express it serves the root of the server. */
export type DashboardHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error: unknown) => void,
) => void

/**
 * A page on which people see what the tasks of this process do, read its failures, and press Retry. Changes nothing but by POST with a
 * token against cross-site requests; shows nothing but to those whom `authorize` lets in.
 *
 * @throws OptionsError without `authorize`, unless `unsafe: true` is written; for a wrong value or an unknown name.
 * @example
 * app.use('/tasks', dashboard(afterCommit, { authorize: (request: Request) => request.session.user?.isAdmin === true }))
 */
export function dashboard(afterCommit: DashboardSource, options: DashboardOptions): DashboardHandler {
  validateDashboard(afterCommit, options)
  const files = readFiles()
  const api = apiOf(afterCommit, options)

  async function serve(request: MountedRequest, response: ServerResponse): Promise<void> {
    secure(response)
    if (options.unsafe !== true && (await options.authorize?.(request)) !== true) {
      throw new Refusal(403, 'You are not allowed to see this')
    }
    const [path = '', query = ''] = (request.url ?? '').split('?', 2)
    const name = path.replace(/^\/+/, '')
    const isRead = request.method === 'GET' || request.method === 'HEAD'

    const file = files.get(name)
    if (file) {
      if (!isRead) return notAllowed(response, 'GET, HEAD')
      const folder = (request.originalUrl ?? '/').split('?', 1)[0] ?? ''
      if (name === '' && !folder.endsWith('/')) return toFolder(response, folder)
      return answerFile(file, request, response)
    }
    const read = api.reads.get(name)
    if (read) {
      if (!isRead) return notAllowed(response, 'GET, HEAD')
      const answer = await read(Object.fromEntries(new URLSearchParams(query)))
      return answerJson(
        response,
        200,
        name === 'api/state' ? { ...answer, token: issueToken(request, response) } : answer,
      )
    }
    const change = api.changes.get(name)
    if (!change) throw new Refusal(404, 'There is nothing here')
    if (request.method !== 'POST') return notAllowed(response, 'POST')
    checkToken(request)
    answerJson(response, 200, await change({ ...(await objectIn(request)) }))
  }

  return (request, response, next) => {
    void (async () => {
      try {
        await serve(request, response)
      } catch (error) {
        refuse(error, response, next)
      }
    })()
  }
}

function refuse(error: unknown, response: ServerResponse, next: Parameters<DashboardHandler>[2]): void {
  if (response.headersSent) return void response.destroy()
  const status = statusOf(error)
  if (status !== undefined) return answerJson(response, status, { error: (error as Error).message })
  if (next) return next(error)
  answerJson(response, 500, { error: 'Something went wrong' })
}

/** Addresses in the page are relative to its folder. */
function toFolder(response: ServerResponse, folder: string): void {
  response.statusCode = 302
  response.setHeader('location', `./${folder.split('/').at(-1)}/`)
  response.end()
}

function notAllowed(response: ServerResponse, methods: string): void {
  response.setHeader('allow', methods)
  answerJson(response, 405, { error: `Expected ${methods}` })
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof Refusal) return error.status
  return isOurs(error) && error.code === 'ERR_OPTIONS' ? 400 : undefined
}
