/**
 * A server and channels to it joined in one process, in real time and without a network: the whole rpc floor runs, nothing
 * is lost and no port is taken. The quickest way to test a service; what loss, delay and restarts do to it is the
 * simulated network's business.
 */
import { realEnvironment } from '../driver/real-environment.js';
import { Channel, type ChannelOptions } from '../rpc/client/channel.js';
import { createInMemoryPair, type InMemoryOptions } from '../rpc/in-memory.js';
import { Server } from '../rpc/server/server.js';
import { type ServerOptions } from '../rpc/server/server-options.js';
import { type Connector } from '../rpc/stream-transport.js';
import { emitWarning } from '../driver/emit-warning.js';
import { warnOfHandlerErrors } from '../rpc/server/handler-warnings.js';

/** Options of the server and of its first channel, and what may wait between them. */
export interface InMemoryServerOptions extends Omit<InMemoryOptions, 'clock'> {
  readonly server?: ServerOptions | undefined;
  readonly channel?: ChannelOptions | undefined;
  /** Told of errors that handlers throw by mistake. Default: `process.emitWarning`. */
  readonly warn?: ((line: string) => void) | undefined;
}

/** A server with channels to it. */
export interface InMemoryServer extends AsyncDisposable {
  /** Add services to it. It listens with the first call of a channel; `await server.listen('memory')` does so before. */
  readonly server: Server;
  /** Connects to that server and to nothing else. */
  readonly channel: Channel;
  /** Another client of the same server. */
  createChannel(options?: ChannelOptions): Channel;
  /** Ends its channels, aborts the calls that still run, and shuts the server down. Always resolves; idempotent. */
  close(): Promise<void>;
}

/** `await using memory = createInMemoryServer()` closes it at the end of the block. */
export function createInMemoryServer(options: InMemoryServerOptions = {}): InMemoryServer {
  const { server: serverOptions, channel: channelOptions, warn, ...limits } = options;
  const pair = createInMemoryPair({ ...limits, clock: realEnvironment.clock });
  const server = new Server(pair.acceptor, realEnvironment, serverOptions);
  warnOfHandlerErrors(server, realEnvironment.diagnostics, warn ?? emitWarning);
  const connector: Connector = {
    ...pair.connector,
    connect: (handler, hints) => {
      // That it listens already, or has shut down, is no mistake of who connects: then that counts.
      server.listen('memory').catch(() => undefined);
      return pair.connector.connect(handler, hints);
    },
  };
  const channels: Channel[] = [];
  const createChannel = (of = channelOptions): Channel => {
    const channel = new Channel(connector, realEnvironment, of);
    channels.push(channel);
    return channel;
  };
  const close = async (): Promise<void> => {
    await Promise.all(channels.map((channel) => channel.close()));
    await server.shutdown({ graceMs: 0 });
  };
  return { server, channel: createChannel(), createChannel, close, [Symbol.asyncDispose]: close };
}
