/**
 * `udprpc/testing`: for users' own tests. A server and a channel to it in one process, with the whole runtime and no
 * network; what must be seen under loss runs on the simulated network, in virtual time and reproducible from a seed.
 */
import { realEnvironment } from './driver/real-environment.js';
import { Channel, type ChannelOptions } from './rpc/client/channel.js';
import { createInMemoryPair, type InMemoryOptions } from './rpc/in-memory.js';
import { Server } from './rpc/server/server.js';
import { type ServerOptions } from './rpc/server/server-options.js';

export interface InMemoryServerOptions extends Omit<InMemoryOptions, 'clock'> {
  readonly server?: ServerOptions | undefined;
  readonly channel?: ChannelOptions | undefined;
}

export interface InMemoryServer {
  /** Add services, then `await server.listen('memory')`. */
  readonly server: Server;
  /** Connects to that server and to nothing else. */
  readonly channel: Channel;
}

export function createInMemoryServer(options: InMemoryServerOptions = {}): InMemoryServer {
  const { server, channel, ...limits } = options;
  const { connector, acceptor } = createInMemoryPair({ ...limits, clock: realEnvironment.clock });
  return {
    server: new Server(acceptor, realEnvironment, server),
    channel: new Channel(connector, realEnvironment, channel),
  };
}

export { type LinkConditions, CLEAN_LINK } from './sim/link.js';
export { SeededRandom } from './sim/seeded-random.js';
export { SimAcceptor } from './sim/sim-acceptor.js';
export { SimConnector } from './sim/sim-connector.js';
export { SimLoop } from './sim/sim-loop.js';
export { SimNetwork } from './sim/sim-network.js';
export { VirtualClock } from './sim/virtual-clock.js';
