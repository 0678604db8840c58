/**
 * What the rpc floor needs of the world: time, randomness and nothing else. Drivers give the real ones, the simulator
 * its own, and no other code of the floor reads a clock or draws a number.
 */
import { type Clock } from '../base/clock.js';
import { type Random } from '../base/random.js';

export interface RpcEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds since 1970, as `Date` counts them: only to understand deadlines that are given as a `Date`. */
  wallTime(): number;
}
