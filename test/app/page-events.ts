// What a page is told, as a test sees it.
import type { BooksRead, Happening, Hello, Rung } from '../../src/app/page/events.js'
import { until } from '../support/wait.js'

export interface PageEvents {
  readonly happenings: Happening[]
  /** The `id` of the last message. */
  readonly lastId: () => string
  readonly hello: () => Promise<Hello>
  /** Waits until it is true of what was told so far. */
  until(condition: (happenings: readonly Happening[]) => boolean): Promise<unknown>
  /** Waits until the newest books of that rung are as expected. */
  books(rung: Rung, expected: Partial<BooksRead['books']>): Promise<BooksRead['books']>
  close(): void
}

export function listenTo(url: string, lastEventId?: string): PageEvents {
  const happenings: Happening[] = []
  let hello: Hello | undefined
  let lastId = ''
  const stop = new AbortController()
  const take = (message: string): void => {
    const field = (name: string): string =>
      message
        .split('\n')
        .find((line) => line.startsWith(`${name}: `))
        ?.slice(name.length + 2) ?? ''
    const data = field('data')
    if (data === '') return
    if (field('event') === 'hello') hello = JSON.parse(data) as Hello
    else happenings.push(...(JSON.parse(data) as Happening[]))
    lastId = field('id') || lastId
  }
  const read = async (): Promise<void> => {
    const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
    const { body } = await fetch(`${url}/page/events`, { headers, signal: stop.signal })
    let text = ''
    for await (const chunk of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      text += chunk
      const messages = text.split('\n\n')
      text = messages.pop() ?? ''
      messages.forEach(take)
    }
  }
  read().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error
  })
  const newest = (rung: Rung): BooksRead['books'] | undefined =>
    happenings.findLast((each): each is BooksRead => each.kind === 'books' && each.rung === rung)?.books
  return {
    happenings,
    lastId: () => lastId,
    hello: () => until(() => hello),
    until: (condition) => until(() => condition(happenings)),
    async books(rung, expected) {
      const matches = (): boolean => {
        const books = newest(rung)
        return books !== undefined && Object.entries(expected).every(([name, value]) => books[name as 'owed'] === value)
      }
      await until(matches).catch((error: unknown) => {
        throw new Error(`Expected ${JSON.stringify(expected)}, got ${JSON.stringify(newest(rung))}`, { cause: error })
      })
      return newest(rung) as BooksRead['books']
    },
    close: () => stop.abort(),
  }
}
