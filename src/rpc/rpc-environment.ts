/**
 * What the rpc floor needs of the world: time, randomness, a way to follow a handler into what it starts, and where
 * tools listen. Drivers give the real ones, the simulator its own, and no other code of the floor reads a clock or draws a
 * number.
 */
import { type Clock } from '../base/clock.js';
import { type Random } from '../base/random.js';
import { type CallScope } from './call-scope.js';
import { type Diagnostics } from './diagnostics.js';

export interface RpcEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds since 1970, as `Date` counts them: only to understand deadlines that are given as a `Date`. */
  wallTime(): number;
  /** By which calls know inside which they are made. Shared by the servers and channels that are to know each other. */
  readonly callScope: CallScope;
  /** Where tools listen. */
  readonly diagnostics: Diagnostics;
}
