import type { Shown } from './limit.js'

/** The one table, as wide as the terminal and at most 100 columns. `strong` makes the names stand out. */
export function renderTable(
  shown: readonly Shown[],
  columns = 100,
  strong: (name: string) => string = (name) => name,
): string {
  const width = Math.min(100, Math.max(72, columns))
  const gap = 2
  const rung = 4
  const text = Math.floor((width - rung - 3 * gap) / 3)
  const widths = [text - 4, text + 2, rung, text + 2]
  const row = (cells: readonly (readonly string[])[]): string[] => {
    const height = Math.max(...cells.map((lines) => lines.length))
    return Array.from({ length: height }, (_, line) =>
      cells
        .map((lines, column) => (lines[line] ?? '').padEnd(widths[column] ?? 0))
        .join(' '.repeat(gap))
        .trimEnd(),
    )
  }
  const wrapped = (value: string, column: number): string[] => wrap(value, widths[column] ?? width)
  return [
    ...row([['limit'], ['what happens'], ['rung'], ['what answers it']]),
    '─'.repeat(width),
    ...shown.flatMap(({ name, title, happens, rung: number, answer }) => {
      const [first = '', ...more] = row([
        [name, ...wrapped(title, 0)],
        wrapped(happens, 1),
        [String(number)],
        wrapped(answer, 3),
      ])
      return [strong(name) + first.slice(name.length), ...more, '']
    }),
    ...wrap('Rung 0 awaits the partner inside the request. 1: after the commit, in memory. 2: the outbox.', width),
  ].join('\n')
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
