import { untilWithin } from '../support/wait.js'

/** Milliseconds for whatever a busy machine has to do: to start ten processes, to handle what a minute of kills has left. */
export const patience = 180_000

export const eventually = <T>(condition: () => T | Promise<T>): ReturnType<typeof untilWithin<T>> =>
  untilWithin(patience, condition)
