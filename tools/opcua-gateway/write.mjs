// Writer (./writer.mjs) as a program of the engine. node-opcua takes seconds to load: the engine hears of the program before that.
import { run } from './potline.mjs'

await run(() => import('./writer.mjs'))
process.exit(0)
