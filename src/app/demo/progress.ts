import type { Answer } from './drive.js'
import type { PlannedTrouble } from './plan.js'
import type { Rung } from './run-rung.js'

/** Shows how far a run is. */
export interface Progress {
  start(rung: Rung, total: number): void
  answered(answer: Answer): void
  trouble(trouble: PlannedTrouble): void
  waiting(): void
  done(): void
}

const titles: Record<Rung, string> = { inside: 'inside the request', after: 'after the commit  ' }

/** One line that changes on a terminal; elsewhere a line for each thing that happens. */
export function createProgress(output: NodeJS.WriteStream): Progress {
  let title = ''
  let total = 0
  let answered = 0
  let failed = 0
  let news = ''

  const show = (end = ''): void => {
    const line = `${title}  ${bar(answered, total)} ${answered}/${total}, ${failed} failed  ${news}`
    if (output.isTTY) output.write(`\r\u001b[K${line.slice(0, output.columns - 1)}${end}`)
  }
  const say = (text: string): void => {
    news = text
    if (output.isTTY) show()
    else output.write(`${title.trimEnd()}: ${answered}/${total} answered, ${failed} failed; ${news}\n`)
  }
  return {
    start(rung, count) {
      title = titles[rung]
      total = count
      answered = 0
      failed = 0
      say('starting')
    },
    answered({ status }) {
      answered += 1
      if (status === 0 || status >= 500) failed += 1
      show()
    },
    trouble: ({ says }) => say(says),
    waiting: () => say('waiting for tasks'),
    done() {
      say('done')
      show('\n')
    },
  }
}

function bar(part: number, whole: number, width = 12): string {
  const filled = Math.round((part / whole) * width)
  return '█'.repeat(filled) + '░'.repeat(width - filled)
}
