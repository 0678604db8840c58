/** The real world, as the rpc floor asks for it. */
import { channel } from 'node:diagnostics_channel';
import { makeDiagnostics } from '../rpc/diagnostics.js';
import { type RpcEnvironment } from '../rpc/rpc-environment.js';
import { BufferBudget } from '../transport/stream/buffer-budget.js';
import { AsyncCallScope } from './async-call-scope.js';
import { realClock } from './real-clock.js';
import { RealRandom } from './real-random.js';

/** What all channels and servers of the process may hold in buffers, unless they are given a budget of their own. */
export const processBuffers = new BufferBudget();

export const realEnvironment: RpcEnvironment = {
  clock: realClock,
  random: new RealRandom(),
  wallTime: () => Date.now(),
  callScope: new AsyncCallScope(),
  diagnostics: makeDiagnostics((name) => channel(name)),
};
