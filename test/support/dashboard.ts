// A mounted dashboard, as the tests ask it.
import type { Express } from 'express'
import request from 'supertest'
import { dashboard, type DashboardOptions, type DashboardSource } from '../../src/express/index.js'
import { type ExpressVersion, expressVersions } from './express.js'

export const [express5] = expressVersions as readonly [ExpressVersion, ...ExpressVersion[]]

/** At `/tasks`, for everybody unless the options say who. */
export function mounted(
  afterCommit: DashboardSource,
  options: DashboardOptions = {},
  { express }: Pick<ExpressVersion, 'express'> = express5,
): Express {
  const app = express()
  app.use('/tasks', dashboard(afterCommit, options.authorize ? options : { unsafe: true, ...options }))
  return app
}

/** The page's cookie and token, as the browser sends them with a change. */
export async function credentials(app: Express): Promise<Record<string, string>> {
  const response = await request(app).get('/tasks/api/state')
  const [set = ''] = response.get('set-cookie') ?? []
  const [cookie = ''] = set.split(';', 1)
  return { cookie, 'x-after-commit-token': (response.body as { token: string }).token }
}

export async function post(app: Express, path: string, body: object): Promise<request.Response> {
  return request(app)
    .post(`/tasks/api/${path}`)
    .set(await credentials(app))
    .send(body)
}

/** The JSON that a path answers. */
export async function read<Answer>(app: Express, path: string, query: Record<string, string> = {}): Promise<Answer> {
  const response = await request(app).get(`/tasks/api/${path}`).query(query)
  if (response.status !== 200) throw new Error(`${response.status}: ${response.text}`)
  return response.body as Answer
}
