#!/usr/bin/env node
import { run } from './commands.js'

process.exit(await run(process.argv.slice(2))) // whatever a module of the user's has opened
