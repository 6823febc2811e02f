/** Ends a command with a sentence, and no stack: it is for whoever has typed the command. */
export class Failure extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode = 1, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}
