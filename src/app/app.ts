import express, { type Express } from 'express'
import { afterCommit, prisma } from './after-commit.js'
import { NotFoundError } from './errors.js'
import { answerError } from './http-errors.js'
import { emailOf, idOf } from './input.js'
import { requestContext } from './request-context.js'
import { finishLesson } from './services/finish-lesson.js'
import { login } from './services/login.js'
import { placeOrder } from './services/place-order.js'
import { publishCourse } from './services/publish-course.js'
import { requestCode } from './services/request-code.js'

/** The learning shop. (Who may do what is left out: each request says for whom it speaks.) */
export function createApp(): Express {
  const app = express()
  app.disable('x-powered-by')
  app.use(requestContext)
  app.use(express.json({ limit: '10kb' }))

  app.post('/logins', async (request, response) => {
    response.status(201).json(await login(emailOf(request.body, 'email')))
  })
  app.post('/orders', async (request, response) => {
    response.status(201).json(await placeOrder(idOf(request.body, 'buyerId'), idOf(request.body, 'courseId')))
  })
  app.post('/finished-lessons', async (request, response) => {
    response.status(201).json(await finishLesson(idOf(request.body, 'userId'), idOf(request.body, 'lessonId')))
  })
  app.post('/courses/:courseId/publication', async (request, response) => {
    response.status(201).json(await publishCourse(idOf(request.params, 'courseId')))
  })
  app.post('/verification-codes', async (request, response) => {
    response.status(201).json(await requestCode(idOf(request.body, 'userId')))
  })

  app.get('/courses', async (_request, response) => {
    response.json(await prisma.course.findMany({ include: { lessons: true }, orderBy: { id: 'asc' }, take: 100 }))
  })
  /** What the task runner is doing; no query, so it also answers while the database is busy. */
  app.get('/stats', (_request, response) => {
    response.json(afterCommit.stats())
  })

  app.use(() => {
    throw new NotFoundError('There is nothing here')
  })
  app.use(answerError)
  return app
}
