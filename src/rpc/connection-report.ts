/** What is told of one connection, of either side: that it opened, and how it ended. */
import { type ConnectionClosed } from '../transport/transport-error.js';
import { type ConnectionOpen, type EventSubject, identityOf } from './diagnostics.js';
import { type RpcEnvironment } from './rpc-environment.js';
import { type StreamTransport } from './stream-transport.js';

export class ConnectionReport implements EventSubject {
  identity: object | undefined;
  readonly #environment: RpcEnvironment;
  readonly #side: ConnectionOpen['side'];
  readonly #transport: StreamTransport;
  readonly #openedAt: number;
  #wasReady: boolean;

  constructor(environment: RpcEnvironment, side: ConnectionOpen['side'], transport: StreamTransport) {
    this.#environment = environment;
    this.#side = side;
    this.#transport = transport;
    this.#openedAt = environment.clock.now();
    this.#wasReady = transport.isReady;
    const event = environment.diagnostics['udprpc:connection.open'];
    if (event.hasSubscribers) event.publish({ ...this.#facts(), sample: () => transport.stats() });
  }

  onReady(): void {
    this.#wasReady = true;
  }

  onClosed({ by, reason }: ConnectionClosed): void {
    const { diagnostics, clock } = this.#environment;
    const event = diagnostics['udprpc:connection.close'];
    if (!event.hasSubscribers) return;
    event.publish({
      ...this.#facts(),
      by,
      reason,
      wasReady: this.#wasReady,
      durationMs: clock.now() - this.#openedAt,
      stats: this.#transport.stats(),
    });
  }

  #facts(): Omit<ConnectionOpen, 'sample'> {
    const { peer, isSecure } = this.#transport;
    return { connection: identityOf(this), side: this.#side, peer, isSecure };
  }
}
