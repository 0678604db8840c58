/** The real world, as the rpc floor asks for it. */
import { type RpcEnvironment } from '../rpc/rpc-environment.js';
import { realClock } from './real-clock.js';
import { RealRandom } from './real-random.js';

export const realEnvironment: RpcEnvironment = {
  clock: realClock,
  random: new RealRandom(),
  wallTime: () => Date.now(),
};
