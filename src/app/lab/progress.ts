import type { Limit } from './limit.js'
import type { Watcher } from './run.js'

/** A line for each limit that has ended; on a terminal also one that changes while the next one runs. */
export function createProgress(output: NodeJS.WriteStream, total: number): Watcher & { stop(): void } {
  let count = 0
  let began = 0
  let timer: NodeJS.Timeout | undefined
  const write = (line: string): void => void output.write(line)
  const seconds = (): string => `${((performance.now() - began) / 1000).toFixed(1)} s`
  const head = ({ name }: Limit): string => `${`${count}/${total}`.padStart(5)}  ${name.padEnd(12)}`
  const clear = output.isTTY ? '\r\u001b[K' : ''

  const stop = (): void => {
    clearInterval(timer)
    write(clear)
  }
  return {
    stop,
    starts(limit) {
      count++
      began = performance.now()
      if (!output.isTTY) return
      const show = (): void => {
        write(clear + `${head(limit)}${seconds().padStart(7)}  ${limit.title}`.slice(0, output.columns - 1))
      }
      show()
      timer = setInterval(show, 100)
    },
    ended(limit, result) {
      stop()
      const end = result instanceof Error ? `FAILED: ${result.message}` : ''
      write(`${head(limit)}${seconds().padStart(7)}  ${end}`.trimEnd() + '\n')
    },
  }
}
