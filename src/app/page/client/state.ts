// What this tab has chosen. What the server says is in live.ts.
import { type Rung } from '../events.js'
import { Api } from './api.js'
import { Live } from './live.js'
import type { Alignment } from './scale.js'
import { en } from './texts/en.js'
import { ko } from './texts/ko.js'
import type { Texts } from './texts/texts.js'

export const languages = { en, ko } as const
export type Language = keyof typeof languages

export class State {
  readonly live = new Live()
  readonly api = new Api(this.live)
  language: Language = chosenLanguage()
  rung: Rung = 'inside'
  alignment: Alignment = 'click'
  /** From 0. */
  chapter = chapterOfAddress()
  readonly done = new Set<number>()
  /** The chapter whose action runs. */
  busy: number | undefined
  failure: string | undefined
  /** Strips whose events are listed. */
  readonly expanded = new Set<string>()
  /** What happened before is not drawn. */
  clearedAt = 0

  get texts(): Texts {
    return languages[this.language]
  }

  choose(
    change: Partial<Pick<State, 'language' | 'rung' | 'alignment' | 'chapter' | 'busy' | 'failure' | 'clearedAt'>>,
  ): void {
    Object.assign(this, change)
    if (change.language) localStorage.setItem('language', change.language)
    if (change.chapter !== undefined) history.replaceState(null, '', `#${change.chapter + 1}`)
    this.live.changed()
  }
}

function chosenLanguage(): Language {
  const wanted = localStorage.getItem('language') ?? navigator.language.slice(0, 2)
  return wanted === 'ko' ? 'ko' : 'en'
}

function chapterOfAddress(): number {
  const number = Number(location.hash.slice(1))
  return Number.isInteger(number) && number >= 1 && number <= en.chapters.length ? number - 1 : 0
}
