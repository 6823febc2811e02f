import { setTimeout as delay } from 'node:timers/promises'
import type { Plan, PlannedRequest, PlannedTrouble } from './plan.js'

/** How the app answered one request. */
export interface Answer {
  readonly request: PlannedRequest
  /** 0 where no answer came. */
  readonly status: number
  /** The code in the body of an error. */
  readonly code: string | undefined
  readonly milliseconds: number
}

/** Sends every request at its time, makes every trouble at its time, and resolves with all answers. */
export async function drive(
  plan: Plan,
  urls: { app: string; control: string },
  listener: { answered(answer: Answer): void; trouble(trouble: PlannedTrouble): void },
): Promise<Answer[]> {
  const started = performance.now()
  // Not referenced: when a run is given up, what it still meant to send does not keep the demo alive.
  const until = (at: number) => delay(Math.max(0, at - (performance.now() - started)), undefined, { ref: false })

  const troubles = plan.troubles.map(async (trouble) => {
    await until(trouble.at)
    await configure(urls.control, trouble)
    listener.trouble(trouble)
  })
  const answers = plan.requests.map(async (request) => {
    await until(request.at)
    const answer = await send(urls.app, request)
    listener.answered(answer)
    return answer
  })
  await Promise.all(troubles)
  return Promise.all(answers)
}

async function configure(controlUrl: string, { partner, settings }: PlannedTrouble): Promise<void> {
  const response = await fetch(`${controlUrl}/${partner}/settings`, { method: 'PUT', body: JSON.stringify(settings) })
  if (!response.ok) throw new Error(`The partner ${partner} refused its settings: ${await response.text()}`)
}

async function send(appUrl: string, request: PlannedRequest): Promise<Answer> {
  const started = performance.now()
  const answer = (status: number, code?: string): Answer => {
    return { request, status, code, milliseconds: performance.now() - started }
  }
  try {
    const response = await fetch(appUrl + request.path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': request.id },
      body: JSON.stringify(request.body),
      signal: AbortSignal.timeout(20_000),
    })
    const body = (await response.json()) as { error?: { code: string } }
    return answer(response.status, body.error?.code)
  } catch {
    return answer(0)
  }
}
