// What was seen, in the shape in which it is drawn. Times are those of the events; nothing is computed from a guess.
import type {
  BooksRead,
  Happening,
  ProcessName,
  ProcessStep,
  RequestStep,
  Rung,
  TaskStep,
  TransactionStep,
} from '../events.js'

/** A stretch of a lane; without `to` it goes on. */
export interface Bar {
  readonly kind: 'waiting' | 'attempt' | 'backoff' | 'stored'
  readonly from: number
  to?: number
  ended?: 'succeeded' | 'failed' | 'cut'
  /** Who did it: of a message, whoever had claimed it. */
  readonly process: ProcessName
  readonly pid: number
  readonly attempt: number
  readonly error?: string | undefined
}

/** One task. `state` is the last thing that was heard of it. */
export interface Lane {
  readonly taskId: string
  readonly name: string
  readonly bars: Bar[]
  state: string
  attempts: number
  durable: boolean
  by: TaskStep['by']
  /** When it ended, for good or for bad. */
  endedAt?: number
}

/** One request and all that came of it. */
export interface Strip {
  readonly requestId: string
  readonly rung: Rung
  readonly path: string
  readonly at: number
  process?: ProcessName
  pid?: number
  begunAt?: number
  answer?: { readonly at: number; readonly status: number }
  transaction?: { readonly begun: number; committing?: number; ended?: number; outcome?: 'committed' | 'rolled-back' }
  readonly lanes: Lane[]
  /** When its process was killed, if something of it was under way. */
  cutAt?: number
  lost: boolean
  forNothing: boolean
  readonly happenings: Happening[]
}

const final = new Set([
  'succeeded',
  'failed',
  'rejected',
  'dropped',
  'discarded',
  'cancelled',
  'interrupted',
  'unknown',
  'cut',
])
/** Strips that are kept; the oldest go first. */
const most = 200

export class Model {
  readonly #strips = new Map<string, Strip>()
  /** Deaths and returns of processes. */
  readonly processes: ProcessStep[] = []

  /** Oldest first. */
  get strips(): Strip[] {
    return [...this.#strips.values()]
  }

  clear(): void {
    this.#strips.clear()
    this.processes.length = 0
  }

  add(happening: Happening): void {
    switch (happening.kind) {
      case 'asked': {
        const { requestId, rung, path, at } = happening
        const strip: Strip = {
          requestId,
          rung,
          path,
          at,
          lanes: [],
          lost: false,
          forNothing: false,
          happenings: [happening],
        }
        this.#strips.set(requestId, strip)
        const [oldest] = this.#strips.keys()
        if (this.#strips.size > most && oldest !== undefined) this.#strips.delete(oldest)
        return
      }
      case 'books':
        return this.#read(happening)
      case 'process':
        this.processes.push(happening)
        if (happening.state === 'killed') for (const strip of this.#strips.values()) cut(strip, happening)
        return
      case 'partner':
        return
      default: {
        const strip = this.#strips.get(happening.requestId ?? '')
        if (!strip) return
        strip.happenings.push(happening)
        if (happening.kind === 'request') takeRequest(strip, happening)
        else if (happening.kind === 'transaction') takeTransaction(strip, happening)
        else if (happening.kind === 'task') takeTask(strip, happening)
        else strip.answer ??= { at: happening.at, status: happening.status }
      }
    }
  }

  #read({ rung, books }: BooksRead): void {
    const lost = new Set(books.lostRequests)
    const forNothing = new Set(books.forNothingRequests)
    for (const strip of this.#strips.values()) {
      if (strip.rung !== rung) continue
      strip.lost = lost.has(strip.requestId)
      strip.forNothing = forNothing.has(strip.requestId)
    }
  }
}

function takeRequest(strip: Strip, { step, at, status, process, pid }: RequestStep): void {
  Object.assign(strip, { process, pid })
  if (step === 'begun') strip.begunAt = at
  if (step === 'answered') strip.answer = { at, status: status ?? 0 }
}

function takeTransaction(strip: Strip, { step, at }: TransactionStep): void {
  if (step === 'begun') strip.transaction = { begun: at }
  else if (strip.transaction && step === 'committing') strip.transaction.committing = at
  else if (strip.transaction && step !== 'committing') Object.assign(strip.transaction, { ended: at, outcome: step })
}

function takeTask(strip: Strip, { taskId, name, step, at, process, pid, attempt, error, by }: TaskStep): void {
  let lane = strip.lanes.find((each) => each.taskId === taskId)
  if (!lane) strip.lanes.push((lane = { taskId, name, bars: [], state: step, attempts: 0, durable: false, by }))
  lane.state = step
  if (step !== 'accepted' && step !== 'stored') lane.by = by
  const open = lane.bars.at(-1)
  const who = { from: at, process, pid, attempt }
  if (step === 'abandoned') return
  if (open && open.to === undefined) {
    if (step === 'stored') lane.bars.pop()
    else open.to = at
  }
  if (step === 'accepted') lane.bars.push({ kind: 'waiting', ...who })
  else if (step === 'stored') {
    lane.durable = true
    lane.bars.push({ kind: 'stored', ...who })
  } else if (step === 'started') {
    lane.attempts = attempt
    lane.bars.push({ kind: 'attempt', ...who })
  } else if (open?.kind === 'attempt' && open.ended === undefined) {
    open.ended = step === 'succeeded' ? 'succeeded' : 'failed'
    if (error !== undefined) Object.assign(open, { error })
    if (step === 'retrying') lane.bars.push({ kind: 'backoff', ...who })
  }
  if (final.has(step)) lane.endedAt = at
}

/** What a process held in its memory ends with it. What is in the outbox stays there. */
function cut(strip: Strip, { pid, at, process }: ProcessStep): void {
  if (strip.pid === pid && !strip.answer) strip.cutAt = at
  for (const lane of strip.lanes) {
    const open = lane.bars.at(-1)
    const held = open?.to === undefined && open?.pid === pid && (open.kind === 'attempt' || !lane.durable)
    if (!open || !held || lane.endedAt !== undefined) continue
    strip.cutAt = at
    Object.assign(open, { to: at, ended: 'cut' })
    if (lane.durable) lane.bars.push({ kind: 'stored', from: at, process, pid, attempt: open.attempt })
    else Object.assign(lane, { state: 'cut', endedAt: at })
  }
}

/** Whether something of it still goes on. */
export function isOpen(strip: Strip): boolean {
  if (strip.lanes.some(({ endedAt }) => endedAt === undefined)) return true
  return strip.answer === undefined && strip.cutAt === undefined
}

/** When the last thing of it happened. */
export function endOf(strip: Strip, now: number): number {
  if (isOpen(strip)) return now
  return Math.max(strip.answer?.at ?? strip.cutAt ?? strip.at, ...strip.lanes.map(({ endedAt }) => endedAt ?? strip.at))
}
