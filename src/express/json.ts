import type { ServerResponse } from 'node:http'

/** Answers with JSON that nobody may keep: it is true for this moment. */
export function answerJson(response: ServerResponse, status: number, body: object, type = 'application/json'): void {
  response.statusCode = status
  response.setHeader('content-type', type)
  response.setHeader('cache-control', 'no-store')
  response.end(JSON.stringify(body))
}
