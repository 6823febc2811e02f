import { Failure } from './failure.js'
import { relay, relayHelp } from './relay.js'

/** A command, given what comes behind its name. Resolves with the exit code. */
type Command = (args: readonly string[]) => Promise<number>

const commands: Readonly<Record<string, { readonly run: Command; readonly help: string; readonly what: string }>> = {
  relay: { run: relay, help: relayHelp, what: 'handles the messages of an outbox, in this process' },
}

const help = `Usage: after-commit <command>

${Object.entries(commands)
  .map(([name, { what }]) => `  ${name.padEnd(10)}${what}`)
  .join('\n')}

  after-commit <command> --help says more.`

/** @returns The exit code: 0, 1 for what did not work, 2 for a command line that means nothing. */
export async function run([name = '', ...args]: readonly string[]): Promise<number> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  const asksForHelp = [name, ...args].some((arg) => arg === '--help' || arg === '-h')
  if (asksForHelp) {
    console.log(command?.help ?? help)
    return 0
  }
  try {
    if (command) return await command.run(args)
    throw new Failure(name === '' ? `No command is given.\n\n${help}` : `There is no command ${name}.\n\n${help}`, 2)
  } catch (error) {
    if (error instanceof Failure) console.error(error.message)
    else console.error(error)
    return error instanceof Failure ? error.exitCode : 1
  }
}
