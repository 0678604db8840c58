/** A channel's way to a server over the simulated network: what the driver's connector is over sockets. */
import {
  type ConnectAttempt,
  type ConnectHandler,
  type ConnectHints,
  type Connector,
} from '../rpc/stream-transport.js';
import { type Address } from '../transport/path/path.js';
import { createSimEndpoint, type SimEndpoint, type SimEndpointOptions, touching } from './sim-endpoint.js';

export class SimConnector implements Connector {
  readonly target: string;
  readonly endpoint: SimEndpoint;
  readonly #remote: Address;
  readonly #options: SimEndpointOptions;

  constructor(options: SimEndpointOptions, remote: Address) {
    this.target = `udp://${remote.ip}:${remote.port}`;
    this.#remote = remote;
    this.#options = options;
    this.endpoint = createSimEndpoint(options, {
      role: 'client',
      port: 0,
      onRefused: (to) => {
        this.#onRefused(to);
      },
    });
  }

  /** The transport comes in the same turn and is not ready: a failure is told by its `onClosed`. */
  connect(handler: ConnectHandler, hints: ConnectHints = {}): ConnectAttempt {
    let isCancelled = false;
    this.#options.host.clock(this.#options.touch).soon(() => {
      if (isCancelled) return;
      // Who has set the options has set this one too.
      if (this.#options.transport === undefined) {
        this.endpoint.pump.endpoint.initialRttMs = hints.initialRttMs;
      }
      const transport = this.endpoint.pump.connect(this.#remote, 0);
      transport.listener = touching(handler.onTransport(transport), this.#options.touch);
    });
    return {
      cancel: () => {
        isCancelled = true;
      },
    };
  }

  close(): Promise<void> {
    this.endpoint.pump.flush();
    this.endpoint.pump.stop();
    this.endpoint.socket.close();
    return Promise.resolve();
  }

  /** Refused before the first answer: no use to wait. Later it is only a hint. */
  #onRefused(to: Address): void {
    const { endpoint } = this.endpoint.pump;
    for (const connection of endpoint.connections) {
      if (connection.stats.packetsReceived > 0 || connection.closed !== undefined) continue;
      connection.abandon('refused', `${to.ip}:${to.port} refused`, this.#options.network.clock.now());
      endpoint.touch(connection);
    }
    this.endpoint.pump.flush();
  }
}
