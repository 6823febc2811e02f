// Both versions of Express that people use.
import type { Request, Response } from 'express'
import express5, { type RequestHandler } from 'express'
import express4 from 'express4'

export type ExpressName = 'Express 5' | 'Express 4'

export interface ExpressVersion {
  readonly name: ExpressName
  readonly express: typeof express5
  /** A handler whose error is given to the error middleware: Express 4 does not know that it returns a promise. */
  readonly route: (handler: (request: Request, response: Response) => Promise<unknown>) => RequestHandler
}

export const expressVersions: readonly ExpressVersion[] = [
  { name: 'Express 5', express: express5, route: (handler) => handler },
  {
    name: 'Express 4',
    express: express4 as unknown as typeof express5,
    route: (handler) => async (request, response, next) => {
      try {
        await handler(request, response)
      } catch (error) {
        next(error)
      }
    },
  },
]
