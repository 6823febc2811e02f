import express, { type Express, type Request, type RequestHandler } from 'express'
import { dashboard } from '../express/index.js'
import { afterCommit, outbox, prisma, relay } from './after-commit.js'
import { NotFoundError } from './errors.js'
import { answerError } from './http-errors.js'
import { emailOf, idOf } from './input.js'
import { requests } from './request-context.js'
import { finishLesson } from './services/finish-lesson.js'
import { login } from './services/login.js'
import { placeOrder } from './services/place-order.js'
import { publishCourse } from './services/publish-course.js'
import { requestCode } from './services/request-code.js'
import { settings } from './settings.js'
import { traceRequests } from './trace.js'

/** The learning shop. (Who may do what is left out: each request says for whom it speaks.) */
export function createApp(): Express {
  const app = express()
  app.disable('x-powered-by')
  app.use(requests)
  app.use(traceRequests)
  app.use(express.json({ limit: '10kb' }))

  app.post(
    '/logins',
    created(({ body }) => login(emailOf(body, 'email'))),
  )
  app.post(
    '/orders',
    created(({ body }) => placeOrder(idOf(body, 'buyerId'), idOf(body, 'courseId'))),
  )
  app.post(
    '/finished-lessons',
    created(({ body }) => finishLesson(idOf(body, 'userId'), idOf(body, 'lessonId'))),
  )
  app.post(
    '/courses/:courseId/publication',
    created(({ params }) => publishCourse(idOf(params, 'courseId'))),
  )
  app.post(
    '/verification-codes',
    created(({ body }) => requestCode(idOf(body, 'userId'))),
  )

  app.get('/courses', async (_request, response) => {
    response.json(await prisma.course.findMany({ include: { lessons: true }, orderBy: { id: 'asc' }, take: 100 }))
  })
  /** What the task runner is doing; no query, so it also answers while the database is busy. */
  app.get('/stats', (_request, response) => {
    response.json(afterCommit.stats())
  })
  /** The same for people. Without a question who they are: the shop listens to its own machine alone. */
  app.use('/dashboard', dashboard(afterCommit, { unsafe: true, ...(settings.durable && { outbox, relay }) }))
  /** What failed for good, and what could be run again: also once more, for all that the pool has room for. */
  app.get('/failures', async (_request, response) => {
    response.json(await afterCommit.failures.list())
  })
  app.post('/failures/retries', async (_request, response) => {
    response.json(await afterCommit.failures.retryAll())
  })

  app.use(() => {
    throw new NotFoundError('There is nothing here')
  })
  app.use(answerError)
  return app
}

/** Answers 201 with what a use case returns. What it throws goes to `answerError`: Express 5 awaits its handlers. */
function created(useCase: (request: Request) => Promise<object>): RequestHandler {
  return async (request, response) => {
    response.status(201).json(await useCase(request))
  }
}
