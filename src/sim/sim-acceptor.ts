/** A server's way to its clients over the simulated network: what the driver's acceptor is over sockets. */
import { type Acceptor, type Listening } from '../rpc/stream-transport.js';
import { type StreamListener, type StreamTransport } from '../transport/stream-transport.js';
import { createSimEndpoint, type SimEndpoint, type SimEndpointOptions } from './sim-endpoint.js';

export class SimAcceptor implements Acceptor {
  readonly #options: SimEndpointOptions;
  #endpoint: SimEndpoint | undefined;

  constructor(options: SimEndpointOptions) {
    this.#options = options;
  }

  /** What listens now, if anything does. */
  get endpoint(): SimEndpoint | undefined {
    return this.#endpoint;
  }

  /** Of `address` only the port counts: where to listen is in the options. */
  listen(address: string, accept: (transport: StreamTransport) => StreamListener): Promise<Listening> {
    const port = Number(/:(\d+)$/.exec(address)?.[1] ?? DEFAULT_PORT);
    const endpoint = createSimEndpoint(this.#options, { role: 'server', port, accept });
    this.#endpoint = endpoint;
    const { pump, sockets, socket } = endpoint;
    return Promise.resolve({
      port: socket.address.port,
      addresses: sockets.map(({ address: { ip, port: bound } }) => `udp://${ip}:${bound}`),
      drops: pump.endpoint.drops,
      refuseNew: () => {
        pump.endpoint.refuseNew();
      },
      close: () => {
        pump.flush();
        pump.stop();
        for (const each of sockets) each.close();
        if (this.#endpoint === endpoint) this.#endpoint = undefined;
        return Promise.resolve();
      },
    });
  }
}

const DEFAULT_PORT = 5_005;
