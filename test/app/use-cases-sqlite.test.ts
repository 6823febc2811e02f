import { openShop } from './shop.js'
import { describeUseCases } from './use-cases.js'

describeUseCases(() => openShop())
