import type { PartnerName } from '../partners/start.js'
import type { PartnerSettings } from '../partners/partner.js'
import type { SampleData } from '../sample-data.js'
import { seededRandom } from './random.js'

/** One request of the demo, with the moment at which it is sent. */
export interface PlannedRequest {
  /** Sent as `x-request-id`, stored in the rows of the transaction, and told to the partner. */
  readonly id: string
  readonly kind: 'login' | 'order' | 'lesson' | 'course' | 'code'
  /** Milliseconds after the start. */
  readonly at: number
  readonly path: string
  readonly body: object
}

/** A change of one partner's behaviour, with the moment at which it happens. */
export interface PlannedTrouble {
  readonly at: number
  readonly partner: PartnerName
  readonly settings: Partial<PartnerSettings>
  /** What the progress line says from then on. */
  readonly says: string
}

/** What is sent and what goes wrong: the same for both rungs. */
export interface Plan {
  readonly requests: readonly PlannedRequest[]
  readonly troubles: readonly PlannedTrouble[]
}

const perSecond = 30
const perSecondInBurst = 125

/**
 * Plans a number of requests, of which a fifth are a burst of logins and SMS codes. They come at their own pace,
 * however slow the answers are, as users do. About one in eight is one that the shop refuses after it has said what
 * should happen after the commit.
 */
export function makePlan(count: number, data: SampleData, seed = 1): Plan {
  const random = seededRandom(seed)
  const calm = count - Math.floor(count / 5)
  const duration = (calm / perSecond) * 1000
  const next = requestMaker(data, random)
  const burstRequest = (index: number) => (index % 8 === 0 ? codeOf(data, random) : loginOf(data, random))

  const requests = Array.from({ length: count }, (_, index): PlannedRequest => {
    const inBurst = index >= calm
    const request = inBurst ? burstRequest(index) : next()
    return {
      id: `demo-${String(index + 1).padStart(4, '0')}-${request.kind}`,
      at: inBurst ? duration * 0.6 + (index - calm) * (1000 / perSecondInBurst) : index * (1000 / perSecond),
      ...request,
    }
  })
  return { requests, troubles: troublesOf(duration) }
}

function troublesOf(duration: number): PlannedTrouble[] {
  return [
    { at: 0, partner: 'push', settings: { failureRate: 0.1 }, says: 'push fails 1 in 10' },
    { at: duration * 0.2, partner: 'points', settings: { down: true }, says: 'points is down' },
    { at: duration * 0.45, partner: 'points', settings: { down: false }, says: 'points is back' },
    { at: duration * 0.55, partner: 'points', settings: { latency: 300 }, says: 'points is slow, burst' },
    { at: duration * 0.85, partner: 'points', settings: { latency: 20 }, says: 'points is well' },
  ]
}

type Request = Omit<PlannedRequest, 'id' | 'at'>

function requestMaker(data: SampleData, random: () => number): () => Request {
  const pick = <T>(list: readonly T[]): T => pickFrom(list, random)
  // Each of these works once. When they are used up, the shop refuses the rest, which is also worth sending.
  const drafts = [...data.drafts]
  const lessons = new Map<number, number>()

  const order = (): Request => {
    const course = random() < 0.25 ? pick(data.nearlySoldOut) : pick(data.courses)
    return { kind: 'order', path: '/orders', body: { buyerId: pick(data.users).id, courseId: course.id } }
  }
  const lesson = (): Request => {
    const { id: userId } = pick(data.users.slice(1))
    const { lessonIds } = expectOne(data.courses[0])
    const done = lessons.get(userId) ?? 0
    const again = random() < 0.15 && done > 0
    if (!again) lessons.set(userId, Math.min(done + 1, lessonIds.length))
    const lessonId = expectOne(lessonIds[again ? done - 1 : Math.min(done, lessonIds.length - 1)])
    return { kind: 'lesson', path: '/finished-lessons', body: { userId, lessonId } }
  }
  const course = (): Request => {
    const draft = random() < 0.25 ? pick(data.emptyDrafts) : (drafts.shift() ?? pick(data.emptyDrafts))
    return { kind: 'course', path: `/courses/${draft.id}/publication`, body: {} }
  }

  return () => {
    const dice = random()
    if (dice < 0.45) return loginOf(data, random)
    if (dice < 0.65) return order()
    if (dice < 0.83) return lesson()
    if (dice < 0.9) return course()
    return codeOf(data, random)
  }
}

function loginOf(data: SampleData, random: () => number): Request {
  return { kind: 'login', path: '/logins', body: { email: pickFrom(data.users, random).email } }
}

function codeOf(data: SampleData, random: () => number): Request {
  return { kind: 'code', path: '/verification-codes', body: { userId: pickFrom(data.users, random).id } }
}

function pickFrom<T>(list: readonly T[], random: () => number): T {
  return expectOne(list[Math.floor(random() * list.length)])
}

function expectOne<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('Expected the sample data to hold what the plan speaks of')
  return value
}
