/**
 * `udprpc/testing`: for users' own tests. A server and channels to it in one process, without a network; and a simulated
 * network, in virtual time and reproducible from a seed, for what must be seen under loss. docs/guides/testing-under-loss.md says how.
 *
 * @module
 */
export { type Clock, type Timer } from '../base/clock.js';
export { type LinkConditions } from '../sim/link.js';
export { type Trace } from '../sim/trace.js';
export { createInMemoryServer, type InMemoryServer, type InMemoryServerOptions } from './in-memory-server.js';
export { type Fate } from '../sim/sim-network.js';
export { type LinkStats } from './link-counts.js';
export { type ConditionChanges, type LinkDirection } from './link-rules.js';
export {
  createSimulatedNetwork,
  type RunOptions,
  type SimulatedChannelOptions,
  type SimulatedNetwork,
  type SimulatedNetworkOptions,
  type SimulatedServerOptions,
} from './simulated-network.js';
