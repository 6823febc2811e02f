import {
  appendFileSync,
  closeSync,
  existsSync,
  fdatasync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { FailureRecord, FailureStatus } from '../core/failure-log.js'
import { changeStatus, type Rows } from './rows.js'

/** A line of the file: a failure, or what has become of one. */
export type Line = FailureRecord | { readonly id: string; readonly status: FailureStatus | 'purged' }

/**
 * Lines that are only ever added, and the failures that they amount to. `rows` changes by reading the file alone, so a line
 * counts when it is in the file, and not before. The newest lines are in `path`, older ones in `path.1`, `path.2` and so on:
 * the higher the number, the newer.
 *
 * All of it is synchronous: what one instance looks up and then adds cannot be interleaved with another of this process.
 */
export class Journal {
  readonly rows: Rows = new Map()
  readonly #path: string
  readonly #maxBytes: number
  readonly #keep: number
  /** Which file `path` was when it was read last, and how much of it was. */
  #file: string | undefined = 'not read yet'
  #size = 0
  /** The last line has no end: a process died in the middle of it, or the disk was full. */
  #torn = false

  constructor(path: string, maxBytes: number, keep: number) {
    this.#path = path
    this.#maxBytes = maxBytes
    this.#keep = keep
  }

  /** Reads what has been added since the last time, by whomever. */
  read(): void {
    const stat = statSync(this.#path, { throwIfNoEntry: false })
    const file = stat && nameOf(stat)
    if (file !== this.#file || (stat?.size ?? 0) < this.#size) {
      this.rows.clear()
      for (const old of this.#oldFiles()) for (const line of linesOf(readFileSync(old, 'utf8'))) this.#apply(line)
      this.#file = file
      this.#size = 0
      this.#torn = false
    }
    if (!stat || stat.size === this.#size) return
    const text = readFrom(this.#path, this.#size, stat.size)
    for (const line of linesOf(text)) this.#apply(line)
    this.#size = stat.size
    this.#torn = !text.endsWith('\n')
  }

  add(lines: readonly Line[]): void {
    mkdirSync(dirname(this.#path), { recursive: true })
    let text = this.#torn ? '\n' : ''
    let size = this.#size
    for (const line of lines.map((each) => `${JSON.stringify(each)}\n`)) {
      const length = Buffer.byteLength(line)
      if (size > 0 && size + length > this.#maxBytes) {
        this.#append(text)
        this.#rotate()
        text = ''
        size = 0
      }
      text += line
      size += length
    }
    this.#append(text)
  }

  /** Resolves when what was added is on the disk, and would be there after a power failure. */
  async flush(): Promise<void> {
    // Opened here and now: a thread of the pool might look for it in the middle of `#rotate`.
    const descriptor = openSync(this.#path, 'r+')
    try {
      await promisify(fdatasync)(descriptor)
    } finally {
      closeSync(descriptor)
    }
  }

  /** Takes purged failures out of the files. What it leaves, their `purged` lines, is short and does no harm. */
  async compact(): Promise<void> {
    for (const file of [...this.#oldFiles(), this.#path]) {
      await new Promise((resolve) => setImmediate(resolve))
      this.read()
      if (!existsSync(file)) continue
      const lines = linesOf(readFileSync(file, 'utf8'))
      const kept = lines.filter((line) => !isRecord(line) || this.rows.has(line.id))
      if (kept.length === lines.length) continue
      writeFileSync(`${file}.new`, kept.map((line) => `${JSON.stringify(line)}\n`).join(''), { flush: true })
      renameSync(`${file}.new`, file)
    }
  }

  #append(text: string): void {
    const isNew = this.#file === undefined
    try {
      appendFileSync(this.#path, text)
    } finally {
      this.read() // even half of it
    }
    if (isNew) syncFolder(dirname(this.#path))
  }

  #rotate(): void {
    const last = this.#oldFiles().at(-1)
    sync(this.#path, 'r+') // `flush` knows only the newest file
    renameSync(this.#path, `${this.#path}.${last === undefined ? 1 : numberOf(last) + 1}`)
    writeFileSync(this.#path, '')
    syncFolder(dirname(this.#path))
    this.#file = nameOf(statSync(this.#path))
    this.#size = 0
    this.#torn = false
    const old = this.#oldFiles()
    for (const file of old.slice(0, Math.max(0, old.length - this.#keep))) {
      for (const line of linesOf(readFileSync(file, 'utf8'))) if (isRecord(line)) this.rows.delete(line.id)
      unlinkSync(file)
    }
  }

  /** The oldest first. */
  #oldFiles(): string[] {
    const folder = dirname(this.#path)
    if (!existsSync(folder)) return []
    const start = `${basename(this.#path)}.`
    const names = readdirSync(folder).filter((name) => name.startsWith(start) && /^\d+$/.test(name.slice(start.length)))
    return names.toSorted((a, b) => numberOf(a) - numberOf(b)).map((name) => join(folder, name))
  }

  #apply(line: Line): void {
    if (isRecord(line)) {
      if (!this.rows.has(line.id)) this.rows.set(line.id, line)
    } else if (line.status === 'purged') this.rows.delete(line.id)
    else changeStatus(this.rows, line.id, line.status)
  }
}

/** An inode is soon used again, so alone it does not tell one file from the next. */
const nameOf = ({ ino, birthtimeMs }: Stats): string => `${ino} ${birthtimeMs}`

const numberOf = (file: string): number => Number(file.slice(file.lastIndexOf('.') + 1))

const isRecord = (line: Line): line is FailureRecord => 'task' in line

function sync(path: string, flags: string): void {
  const descriptor = openSync(path, flags)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** A new name is on the disk when its folder is. */
function syncFolder(path: string): void {
  try {
    sync(path, 'r')
  } catch {
    // Windows opens no folders.
  }
}

function readFrom(path: string, start: number, end: number): string {
  const buffer = Buffer.alloc(end - start)
  const descriptor = openSync(path, 'r')
  try {
    return buffer.toString('utf8', 0, readSync(descriptor, buffer, 0, buffer.length, start))
  } finally {
    closeSync(descriptor)
  }
}

/** The lines that are whole; what a crash has left of one is passed over. */
function linesOf(lines: string): Line[] {
  return lines.split('\n').flatMap((text) => {
    try {
      const line = JSON.parse(text, revive) as Line | null
      return typeof line?.id === 'string' ? [line] : []
    } catch {
      return []
    }
  })
}

const times = new Set(['registeredAt', 'lastAttemptAt', 'recordedAt'])

function revive(key: string, value: unknown): unknown {
  return times.has(key) && typeof value === 'string' ? new Date(value) : value
}
