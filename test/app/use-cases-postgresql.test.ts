import { forEachDatabase } from '../support/databases.js'
import { openShop } from './shop.js'
import { describeUseCases } from './use-cases.js'

forEachDatabase((db) => describeUseCases(() => openShop({}, db.url)), { only: ['postgresql'] })
