import { describeUseCases } from './use-cases.js'

describeUseCases('SQLite')
